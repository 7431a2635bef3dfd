/** Disks as a client sends them: in parts, of which only those that hold something take memory of their own. */
import { createHash } from 'node:crypto';
import type { BenchRegistry } from './registry.ts';
import { rawDisk } from './sparse-disks.ts';

export const IMAGES_PATH = '/compute/v1/images';
const CONCURRENCY = 4;

/** A part of an upload and where to PUT it. */
export interface PartUrl {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** The parts of a raw disk. in: `stamp`, when the disk has to differ from others. */
export function partsOfDisk(
  sizeBytes: number,
  partSizeBytes: number,
  stamp = 0,
): readonly Buffer<ArrayBuffer>[] {
  const disk = rawDisk(sizeBytes);
  const mark = Buffer.alloc(8);
  mark.writeDoubleLE(stamp);
  disk.write(sizeBytes / 2, mark);
  const stored = disk.segments().map(({ offset, data }) => [offset, offset + data.length] as const);
  const empty = Buffer.alloc(Math.min(partSizeBytes, sizeBytes));
  return Array.from({ length: Math.ceil(sizeBytes / partSizeBytes) }, (_, index) => {
    const offset = index * partSizeBytes;
    const end = Math.min(offset + partSizeBytes, sizeBytes);
    const holdsSomething = stored.some(([from, to]) => from < end && to > offset);
    return holdsSomething ? Buffer.from(disk.read(offset, end - offset)) : empty.subarray(0, end - offset);
  });
}

export function sha256Of(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** An upload that was begun as a client begins it. */
export interface Begun {
  readonly operationId: string;
  readonly imageId: string;
  readonly urls: readonly PartUrl[];
}

/** Creates an image of these parts, and has all of them signed. */
export async function beginUpload(
  { call }: BenchRegistry,
  parts: readonly Uint8Array[],
  sha256?: string,
): Promise<Begun> {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const upload = { size: String(size), ...(sha256 === undefined ? {} : { sha256 }) };
  const { id, metadata } = await call('POST', IMAGES_PATH, { folderId: 'default', upload });
  const { imageId } = metadata;
  return { operationId: id, imageId, urls: await signParts(call, imageId, parts.length) };
}

/** Completes an upload whose parts were PUT, and waits until the image is READY. */
export async function finishUpload(
  { call, ended }: BenchRegistry,
  { imageId, operationId }: Begun,
): Promise<void> {
  await call('POST', `${IMAGES_PATH}/${imageId}:completeUpload`, {});
  await ended(operationId);
}

/** Uploads a disk until its image is READY. out: the image's id. */
export async function uploadDisk(
  registry: BenchRegistry,
  parts: readonly Buffer<ArrayBuffer>[],
  sha256?: string,
): Promise<string> {
  const begun = await beginUpload(registry, parts, sha256);
  await putParts(begun.urls, parts);
  await finishUpload(registry, begun);
  return begun.imageId;
}

/** URLs for all parts of an image's upload. */
async function signParts(
  call: BenchRegistry['call'],
  imageId: string,
  partCount: number,
): Promise<readonly PartUrl[]> {
  const partNumbers = Array.from({ length: partCount }, (_, index) => index + 1);
  const path = `${IMAGES_PATH}/${imageId}:signParts`;
  return (await call<{ parts: readonly PartUrl[] }>('POST', path, { partNumbers })).parts;
}

/** PUTs each part to its URL, some at a time. */
export async function putParts(
  urls: readonly PartUrl[],
  parts: readonly Buffer<ArrayBuffer>[],
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < parts.length; index = next++) {
      const { url, headers } = urls[index]!;
      const answer = await fetch(url, { method: 'PUT', headers, body: parts[index]!, redirect: 'error' });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`PUT of part ${index + 1}: ${answer.status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
