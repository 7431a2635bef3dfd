import { type Call, wholeNumber } from './call.ts';
import { S3Error } from './errors.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import type { S3Request } from './request.ts';
import { element, type Xml } from './xml.ts';

const MAX_ENTRIES = 1000;

/** An entry of a listing: a key, or the prefix that stands for all keys with it. */
interface Entry {
  readonly kind: 'key' | 'prefix';
  readonly name: string;
}

/** HeadBucket. */
export async function headBucket(): Promise<Reply> {
  return emptyReply(200);
}

/** ListObjectsV2. */
export async function listObjects({ request, bucket }: Call): Promise<Reply> {
  const { query } = request;
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'Only list-type=2 is implemented.');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.get('start-after');
  const token = query.get('continuation-token');
  const maxKeys = Math.min(wholeNumber(request, 'max-keys', 0, 2 ** 31) ?? MAX_ENTRIES, MAX_ENTRIES);
  const after: Entry | undefined =
    token !== undefined
      ? parseToken(token)
      : startAfter === undefined
        ? undefined
        : { kind: 'key', name: startAfter };
  const { entries, more } = listPage(bucket.keys(), prefix, delimiter, after, maxKeys);
  const text = textEncoding(request);
  const content: Xml[] = [
    element('Name', request.bucket),
    element('Prefix', text(prefix)),
    element('KeyCount', entries.length),
    element('MaxKeys', maxKeys),
    element('IsTruncated', more),
  ];
  if (delimiter !== '') content.push(element('Delimiter', text(delimiter)));
  if (query.has('encoding-type')) content.push(element('EncodingType', 'url'));
  if (startAfter !== undefined) content.push(element('StartAfter', text(startAfter)));
  if (token !== undefined) content.push(element('ContinuationToken', token));
  if (more) content.push(element('NextContinuationToken', formatToken(entries.at(-1)!)));
  for (const { kind, name } of entries) {
    if (kind === 'prefix') {
      content.push(element('CommonPrefixes', [element('Prefix', text(name))]));
      continue;
    }
    const object = bucket.object(name)!;
    content.push(
      element('Contents', [
        element('Key', text(name)),
        element('LastModified', new Date(object.modifiedMs).toISOString()),
        element('ETag', `"${object.etag}"`),
        element('Size', object.sizeBytes),
        element('StorageClass', 'STANDARD'),
      ]),
    );
  }
  return xmlReply('ListBucketResult', content);
}

/** One page of sorted keys, those with the delimiter behind the prefix gathered. */
function listPage(
  keys: readonly string[],
  prefix: string,
  delimiter: string,
  after: Entry | undefined,
  maxKeys: number,
): { entries: Entry[]; more: boolean } {
  const entries: Entry[] = [];
  const afterBytes = after === undefined ? undefined : Buffer.from(after.name);
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    if (afterBytes !== undefined && Buffer.compare(Buffer.from(key), afterBytes) <= 0) continue;
    if (after?.kind === 'prefix' && key.startsWith(after.name)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const name = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    if (cut >= 0 && entries.at(-1)?.kind === 'prefix' && entries.at(-1)?.name === name) continue;
    if (entries.length === maxKeys) return { entries, more: maxKeys > 0 };
    entries.push({ kind: cut < 0 ? 'key' : 'prefix', name });
  }
  return { entries, more: false };
}

function formatToken(entry: Entry): string {
  return Buffer.from(JSON.stringify([entry.kind, entry.name])).toString('base64url');
}

function parseToken(token: string): Entry {
  try {
    const [kind, name]: unknown[] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if ((kind === 'key' || kind === 'prefix') && typeof name === 'string') return { kind, name };
  } catch {
    // Not a token of this store: refused below like every other text.
  }
  throw new S3Error('InvalidArgument', 'The continuation token is not one of this store.');
}

/** ListMultipartUploads. */
export async function listUploads({ request, bucket }: Call): Promise<Reply> {
  const prefix = request.query.get('prefix') ?? '';
  const keyMarker = request.query.get('key-marker') ?? '';
  const idMarker = request.query.get('upload-id-marker') ?? '';
  const maxUploads = Math.min(wholeNumber(request, 'max-uploads', 1, 2 ** 31) ?? MAX_ENTRIES, MAX_ENTRIES);
  const sorted = bucket.uploads().filter((upload) => upload.key.startsWith(prefix));
  const marked = sorted.findIndex((upload) => upload.key === keyMarker && upload.id === idMarker);
  const markerBytes = Buffer.from(keyMarker);
  const later =
    marked >= 0
      ? sorted.slice(marked + 1)
      : sorted.filter((upload) => Buffer.compare(Buffer.from(upload.key), markerBytes) > 0);
  const page = later.slice(0, maxUploads);
  const more = later.length > page.length;
  const text = textEncoding(request);
  const content: Xml[] = [
    element('Bucket', request.bucket),
    element('Prefix', text(prefix)),
    element('KeyMarker', text(keyMarker)),
    element('UploadIdMarker', idMarker),
    element('MaxUploads', maxUploads),
    element('IsTruncated', more),
  ];
  if (request.query.has('encoding-type')) content.push(element('EncodingType', 'url'));
  const last = page.at(-1);
  if (more && last !== undefined) {
    content.push(element('NextKeyMarker', text(last.key)), element('NextUploadIdMarker', last.id));
  }
  for (const upload of page) {
    content.push(
      element('Upload', [
        element('Key', text(upload.key)),
        element('UploadId', upload.id),
        element('Initiated', new Date(upload.initiatedMs).toISOString()),
      ]),
    );
  }
  return xmlReply('ListMultipartUploadsResult', content);
}

/** How names are written: `encoding-type=url` is for keys that XML cannot hold. */
function textEncoding(request: S3Request): (name: string) => string {
  const type = request.query.get('encoding-type');
  if (type === undefined) return (name) => name;
  if (type !== 'url') throw new S3Error('InvalidArgument', 'encoding-type has to be url.');
  return (name) => name.split('/').map(encodeURIComponent).join('/');
}
