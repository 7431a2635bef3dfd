import { createHash } from 'node:crypto';
import { subSlices } from './blobs.ts';
import { MAX_PUT_BYTES, readText, receiveBlob } from './body.ts';
import type { StoredObject, StoredPart, Upload } from './bucket.ts';
import { type Call, copySource, keptHeaders, wholeNumber } from './call.ts';
import { parseCopyRange, writeCondition } from './conditions.ts';
import { S3Error } from './errors.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import type { S3Request } from './request.ts';
import { childText, element, parseXml } from './xml.ts';

/** The rules of R2, the strictest of the stores that Bullion is deployed on. */
const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;
/** Ten thousand parts with room for white space and checksums. */
const MAX_COMPLETE_BODY_BYTES = 4 * 1024 ** 2;

/** A part as a Complete lists it. */
interface ListedPart {
  readonly partNumber: number;
  readonly etag: string;
}

export async function createUpload({ request, bucket }: Call): Promise<Reply> {
  const upload = await bucket.startUpload(request.key, keptHeaders(request.headers));
  return xmlReply('InitiateMultipartUploadResult', [
    element('Bucket', request.bucket),
    element('Key', request.key),
    element('UploadId', upload.id),
  ]);
}

/** UploadPart, and UploadPartCopy when a source is named. */
export async function uploadPart(call: Call): Promise<Reply> {
  const { request, payload, bucket, blobs } = call;
  const partNumber = wholeNumber(request, 'partNumber', 1, MAX_PARTS)!;
  const id = uploadId(request);
  bucket.upload(request.key, id);
  if (request.headers.get('x-amz-copy-source') !== undefined) return await copyPart(call, id, partNumber);
  const { slice, md5 } = await receiveBlob(request, payload, blobs);
  try {
    const modifiedMs = Date.now();
    const part = { partNumber, etag: md5, sizeBytes: slice.length, modifiedMs, slices: [slice] };
    await bucket.putPart(request.key, id, part);
  } finally {
    await blobs.release([slice]);
  }
  return emptyReply(200, { ETag: `"${md5}"` });
}

/** The part shares the source's blobs; they are read once, for the ETag. */
async function copyPart(call: Call, id: string, partNumber: number): Promise<Reply> {
  const { request, bucket, blobs } = call;
  const source = copySource(call);
  const span = parseCopyRange(request.headers.get('x-amz-copy-source-range'), source.sizeBytes);
  const sizeBytes = span.last - span.first + 1;
  if (sizeBytes > MAX_PUT_BYTES) throw new S3Error('EntityTooLarge');
  const slices = subSlices(source.slices, span.first, sizeBytes);
  blobs.retain(slices);
  try {
    const md5 = createHash('md5');
    for await (const chunk of blobs.read(slices, 0, sizeBytes)) md5.update(chunk);
    const part = { partNumber, etag: md5.digest('hex'), sizeBytes, modifiedMs: Date.now(), slices };
    await bucket.putPart(request.key, id, part);
    return xmlReply('CopyPartResult', [
      element('LastModified', new Date(part.modifiedMs).toISOString()),
      element('ETag', `"${part.etag}"`),
    ]);
  } finally {
    await blobs.release(slices);
  }
}

export async function completeUpload({ request, payload, bucket }: Call): Promise<Reply> {
  const listed = parseList(await readText(request, payload, MAX_COMPLETE_BODY_BYTES));
  const list = createHash('sha256').update(JSON.stringify(listed)).digest('hex');
  const object = await bucket.completeUpload(
    request.key,
    uploadId(request),
    list,
    writeCondition(request.headers),
    (upload) => joined(upload, listed),
  );
  return xmlReply('CompleteMultipartUploadResult', [
    element('Location', request.path),
    element('Bucket', request.bucket),
    element('Key', request.key),
    element('ETag', `"${object.etag}"`),
  ]);
}

/** Throws MalformedXML and InvalidPartOrder. */
function parseList(text: string): ListedPart[] {
  const body = parseXml(text);
  if (body.name !== 'CompleteMultipartUpload' || body.children.length === 0)
    throw new S3Error('MalformedXML');
  const listed = body.children.map((child): ListedPart => {
    const number = childText(child, 'PartNumber').trim();
    if (child.name !== 'Part' || !/^\d{1,5}$/.test(number)) throw new S3Error('MalformedXML');
    return { partNumber: Number(number), etag: childText(child, 'ETag').trim().replace(/^"|"$/g, '') };
  });
  if (listed.some((part, index) => part.partNumber <= (listed[index - 1]?.partNumber ?? 0))) {
    throw new S3Error('InvalidPartOrder');
  }
  return listed;
}

/** The object that the listed parts make. Throws InvalidPart, EntityTooSmall, EntityTooLarge. */
function joined(upload: Upload, listed: readonly ListedPart[]): StoredObject {
  const parts = listed.map(({ partNumber, etag }): StoredPart => {
    const part = upload.parts.get(partNumber);
    if (part === undefined || part.etag !== etag) {
      throw new S3Error('InvalidPart', `Part ${partNumber} is not there, or its ETag is another.`);
    }
    return part;
  });
  const first = parts[0]!.sizeBytes;
  const last = parts.at(-1)!.sizeBytes;
  const others = parts.slice(0, -1);
  if (others.some((part) => part.sizeBytes < MIN_PART_BYTES)) throw new S3Error('EntityTooSmall');
  if (others.some((part) => part.sizeBytes !== first) || last > first) {
    throw new S3Error(
      'InvalidPart',
      'All parts but the last have to be equally long, and the last no longer.',
    );
  }
  const sizeBytes = others.length * first + last;
  if (sizeBytes > MAX_OBJECT_BYTES) throw new S3Error('EntityTooLarge');
  const md5s = Buffer.concat(parts.map((part) => Buffer.from(part.etag, 'hex')));
  return {
    key: upload.key,
    etag: `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`,
    sizeBytes,
    modifiedMs: Date.now(),
    headers: upload.headers,
    slices: parts.flatMap((part) => part.slices),
  };
}

export async function abortUpload({ request, bucket }: Call): Promise<Reply> {
  await bucket.abortUpload(request.key, uploadId(request));
  return emptyReply(204);
}

export async function listParts({ request, bucket }: Call): Promise<Reply> {
  const upload = bucket.upload(request.key, uploadId(request));
  const maxParts = Math.min(wholeNumber(request, 'max-parts', 0, 2 ** 31) ?? 1000, 1000);
  const marker = wholeNumber(request, 'part-number-marker', 0, 2 ** 31) ?? 0;
  const later = [...upload.parts.values()]
    .filter((part) => part.partNumber > marker)
    .sort((left, right) => left.partNumber - right.partNumber);
  const page = later.slice(0, maxParts);
  return xmlReply('ListPartsResult', [
    element('Bucket', request.bucket),
    element('Key', request.key),
    element('UploadId', upload.id),
    element('PartNumberMarker', marker),
    element('NextPartNumberMarker', page.at(-1)?.partNumber ?? marker),
    element('MaxParts', maxParts),
    element('IsTruncated', page.length > 0 && later.length > page.length),
    ...page.map((part) =>
      element('Part', [
        element('PartNumber', part.partNumber),
        element('LastModified', new Date(part.modifiedMs).toISOString()),
        element('ETag', `"${part.etag}"`),
        element('Size', part.sizeBytes),
      ]),
    ),
  ]);
}

function uploadId(request: S3Request): string {
  return request.query.get('uploadId') ?? '';
}
