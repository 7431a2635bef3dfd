import { createHash } from 'node:crypto';
import type { NamedPart, Store } from '../../storage/store.ts';
import { put } from './http.ts';

export const MIB = 1024 ** 2;

/** Bytes that differ everywhere and are the same for the same seed (xorshift32). */
export function bytesOf(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed || 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

export function md5Base64(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64');
}

/** Uploads bodies as the parts 1, 2, … of an upload; out: what a Complete has to name. */
export async function putParts(
  store: Store,
  key: string,
  uploadId: string,
  bodies: readonly Uint8Array[],
): Promise<NamedPart[]> {
  return await Promise.all(
    bodies.map(async (body, index) => {
      const partNumber = index + 1;
      const { url, headers } = await store.presignPart(key, uploadId, partNumber, body.length, 600);
      const answer = await put(url, body, headers);
      if (answer.status !== 200) throw new Error(`Part ${partNumber}: ${answer.status} ${answer.code}`);
      return { partNumber, etag: (answer.headers.etag ?? '').replaceAll('"', '') };
    }),
  );
}

/** A finished object of these parts. */
export async function putObject(
  store: Store,
  key: string,
  bodies: readonly Uint8Array[],
): Promise<{ etag: string; sizeBytes: number; content: Buffer }> {
  const uploadId = await store.openMultipart(key, 'application/octet-stream');
  const parts = await putParts(store, key, uploadId, bodies);
  const outcome = await store.completeMultipart(key, uploadId, parts);
  const stored = await store.head(key);
  if (outcome !== 'completed' || stored === undefined) {
    throw new Error(`The object ${key} was not stored: ${JSON.stringify(outcome)}`);
  }
  return { ...stored, content: Buffer.concat(bodies) };
}
