import { MAX_PUT_BYTES, readText, receiveBlob } from './body.ts';
import type { StoredObject } from './bucket.ts';
import { type Call, copySource, keptHeaders } from './call.ts';
import { checkRead, parseRange, writeCondition } from './conditions.ts';
import { S3Error } from './errors.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import { childText, element, parseXml, type Xml } from './xml.ts';

/** Query parameters of a read that replace a header of the answer. */
const OVERRIDES: Readonly<Record<string, string>> = {
  'response-cache-control': 'cache-control',
  'response-content-disposition': 'content-disposition',
  'response-content-type': 'content-type',
};

const MAX_DELETE_KEYS = 1000;
/** A thousand keys of 1,024 bytes, each byte of which may be a reference such as `&#x1F;`. */
const MAX_DELETE_BODY_BYTES = 8 * 1024 ** 2;

/** GetObject and HeadObject. */
export async function readObject({ request, bucket, blobs }: Call): Promise<Reply> {
  const object = bucket.object(request.key);
  if (object === undefined) throw new S3Error('NoSuchKey');
  checkRead(request.headers, object);
  const span = parseRange(request.headers.get('range'), object.sizeBytes);
  const offset = span?.first ?? 0;
  const length = span === undefined ? object.sizeBytes : span.last - span.first + 1;
  const headers: Record<string, string> = {
    ...object.headers,
    ...overrides(request.query),
    'Accept-Ranges': 'bytes',
    'Content-Length': String(length),
    ETag: `"${object.etag}"`,
    'Last-Modified': new Date(object.modifiedMs).toUTCString(),
  };
  if (span !== undefined) headers['Content-Range'] = `bytes ${span.first}-${span.last}/${object.sizeBytes}`;
  return {
    status: span === undefined ? 200 : 206,
    headers,
    async *bytes() {
      // The object may be replaced or deleted while a slow reader still takes it.
      blobs.retain(object.slices);
      try {
        yield* blobs.read(object.slices, offset, length);
      } finally {
        await blobs.release(object.slices);
      }
    },
  };
}

function overrides(query: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [parameter, header] of Object.entries(OVERRIDES)) {
    const value = query.get(parameter);
    if (value === undefined) continue;
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      throw new S3Error('InvalidArgument', `${parameter} holds a character that no header may have.`);
    }
    headers[header] = value;
  }
  return headers;
}

/** PutObject, and CopyObject when a source is named. */
export async function putObject(call: Call): Promise<Reply> {
  if (call.request.headers.get('x-amz-copy-source') !== undefined) return await copyObject(call);
  const { request, payload, bucket, blobs } = call;
  const headers = keptHeaders(request.headers);
  const { slice, md5 } = await receiveBlob(request, payload, blobs);
  try {
    const object: StoredObject = {
      key: request.key,
      etag: md5,
      sizeBytes: slice.length,
      modifiedMs: Date.now(),
      headers,
      slices: [slice],
    };
    await bucket.put(object, writeCondition(request.headers));
  } finally {
    await blobs.release([slice]);
  }
  return emptyReply(200, { ETag: `"${md5}"` });
}

/** The copy shares the source's blobs, so no bytes move. It keeps the ETag too; S3 itself would make a new one. */
async function copyObject(call: Call): Promise<Reply> {
  const { request, bucket, blobs } = call;
  const source = copySource(call);
  if (source.sizeBytes > MAX_PUT_BYTES) {
    throw new S3Error('InvalidRequest', 'Objects over 5 GiB are copied in parts.');
  }
  const directive = request.headers.get('x-amz-metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw new S3Error('InvalidArgument', 'x-amz-metadata-directive has to be COPY or REPLACE.');
  }
  if (directive === 'COPY' && bucket.object(request.key) === source) {
    throw new S3Error('InvalidRequest', 'A copy onto itself has to replace the metadata.');
  }
  const copy: StoredObject = {
    key: request.key,
    etag: source.etag,
    sizeBytes: source.sizeBytes,
    modifiedMs: Date.now(),
    headers: directive === 'COPY' ? source.headers : keptHeaders(request.headers),
    slices: source.slices,
  };
  blobs.retain(source.slices);
  try {
    await bucket.put(copy, writeCondition(request.headers));
  } finally {
    await blobs.release(source.slices);
  }
  return xmlReply('CopyObjectResult', [
    element('LastModified', new Date(copy.modifiedMs).toISOString()),
    element('ETag', `"${copy.etag}"`),
  ]);
}

export async function deleteObject({ request, bucket }: Call): Promise<Reply> {
  await bucket.delete(request.key);
  return emptyReply(204);
}

export async function deleteObjects({ request, payload, bucket }: Call): Promise<Reply> {
  const body = parseXml(await readText(request, payload, MAX_DELETE_BODY_BYTES));
  const objects = body.children.filter((child) => child.name === 'Object');
  if (body.name !== 'Delete' || objects.length === 0 || objects.length > MAX_DELETE_KEYS) {
    throw new S3Error('MalformedXML', `Delete has to name 1 to ${MAX_DELETE_KEYS} objects.`);
  }
  const keys = objects.map((object) => childText(object, 'Key'));
  const quiet = body.children.some((child) => child.name === 'Quiet' && child.text === 'true');
  const deleted: Xml[] = [];
  for (const key of keys) {
    await bucket.delete(key);
    if (!quiet) deleted.push(element('Deleted', [element('Key', key)]));
  }
  return xmlReply('DeleteResult', deleted);
}
