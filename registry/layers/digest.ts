import { Sha256, type Sha256State } from '../../core/sha256.ts';
import type { Statement } from '../../db/client.ts';
import { deleteJob, insertJob } from '../../db/jobs.ts';
import { findLayer, publishDigest } from '../../db/layers.ts';
import type { LayerRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { ObjectChanged } from '../../storage/store.ts';
import { type Context, newId } from '../context.ts';
import type { JobOutcome } from '../jobs/outcome.ts';

/** Where the reading of a layer for its digest stands between two slices. */
export interface DigestCursor {
  readonly offset: number;
  readonly sha256: Sha256State;
}

/** Bytes that one run of a job reads: some seconds of work, far below what one invocation may take. */
const SLICE_BYTES = 512 * 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;

/**
 * Reads on from `cursor` for one slice. out: the SHA-256 of the whole layer in hexadecimal, or where to go on.
 * Throws ObjectChanged when the layer is no longer the object that was inspected.
 */
export async function digestSlice(
  context: Context,
  layer: Pick<LayerRow, 'objectKey' | 'etag' | 'sizeBytes'>,
  cursor: DigestCursor | null,
): Promise<{ kind: 'digest'; digest: string } | { kind: 'more'; cursor: DigestCursor }> {
  const hash = new Sha256(cursor?.sha256);
  const end = Math.min((cursor?.offset ?? 0) + SLICE_BYTES, layer.sizeBytes);
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
  return offset < layer.sizeBytes
    ? { kind: 'more', cursor: { offset, sha256: hash.save() } }
    : { kind: 'digest', digest: hash.digestHex() };
}

/** A job that will read a layer for the digest that nobody declared; to be sent once its statement is written. */
export function digestLater(context: Context, layerId: string): { statement: Statement; jobId: string } {
  const jobId = newId(context, 'job');
  const now = context.now();
  return {
    jobId,
    statement: insertJob(context.db.orm, {
      id: jobId,
      kind: 'digest-layer',
      subjectId: layerId,
      runAfter: now,
      requestId: context.requestId,
      createdAt: now,
    }),
  };
}

/**
 * Reads a slice of a layer and publishes its digest at the end. Nobody waits for it, and it names nothing: a layer
 * that is being deleted, or whose object is no longer the one that was inspected, ends it.
 */
export async function digestLayer(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[layer]] = await context.db.read([findLayer(orm, job.subjectId)]);
  if (layer === undefined || layer.digest !== null) return 'done';
  if (layer.state !== 'VERIFIED' && layer.state !== 'UNNAMED') return 'done';
  try {
    const slice = await digestSlice(context, layer, job.cursor as DigestCursor | null);
    if (slice.kind === 'more') return { again: { ...slice.cursor } };
    await context.db.write([publishDigest(orm, layer.id, `sha256:${slice.digest}`), deleteJob(orm, job.id)]);
    return 'ended';
  } catch (error) {
    if (error instanceof ObjectChanged) return 'done';
    throw error;
  }
}
