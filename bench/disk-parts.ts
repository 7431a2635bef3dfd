/** Disks as a client sends them: in parts, of which only those that hold something take memory of their own. */
import { createHash } from 'node:crypto';
import type { BenchRegistry } from './registry.ts';
import { rawDisk } from './sparse-disks.ts';

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

/** URLs for all parts of an image's upload. */
export async function signParts(
  call: BenchRegistry['call'],
  imageId: string,
  partCount: number,
): Promise<readonly PartUrl[]> {
  const partNumbers = Array.from({ length: partCount }, (_, index) => index + 1);
  const path = `/compute/v1/images/${imageId}:signParts`;
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
