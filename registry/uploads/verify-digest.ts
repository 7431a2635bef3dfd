import { Sha256, type Sha256State } from '../../core/sha256.ts';
import type { LayerRow, UploadRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';

/** Where the verification of a declared digest stands between two slices. */
export interface DigestCursor {
  readonly offset: number;
  readonly sha256: Sha256State;
}

/** Bytes that one run of the job reads: some seconds of work, far below what one invocation may take. */
const SLICE_BYTES = 512 * 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;

/**
 * Reads on from `cursor` for one slice. out: the SHA-256 of the whole layer in hexadecimal, or where to go on.
 * Throws ObjectChanged when the layer is no longer the object that was inspected.
 */
export async function digestSlice(
  context: Context,
  layer: LayerRow,
  upload: UploadRow,
  cursor: DigestCursor | null,
): Promise<{ kind: 'digest'; digest: string } | { kind: 'more'; cursor: DigestCursor }> {
  const hash = new Sha256(cursor?.sha256);
  const end = Math.min((cursor?.offset ?? 0) + SLICE_BYTES, upload.sizeBytes);
  const read = (offset: number) =>
    context.store.readRange(layer.objectKey, layer.etag ?? '', offset, Math.min(READ_BYTES, end - offset));
  let offset = cursor?.offset ?? 0;
  // The next range is on its way while this one is hashed.
  let coming = offset < end ? read(offset) : undefined;
  while (coming !== undefined) {
    const bytes: Uint8Array = await coming;
    offset += bytes.length;
    coming = offset < end ? read(offset) : undefined;
    hash.update(bytes);
  }
  return offset < upload.sizeBytes
    ? { kind: 'more', cursor: { offset, sha256: hash.save() } }
    : { kind: 'digest', digest: hash.digestHex() };
}
