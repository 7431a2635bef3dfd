import { failedPrecondition } from '../../core/errors.ts';
import { demandNoCopyOfSnapshot, findCopyOfSnapshot } from '../../db/disks.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandRevision } from '../../db/resources.ts';
import { findSnapshot } from '../../db/snapshots.ts';
import { readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandCurrent, revisionEtag } from '../etag.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { removeSnapshot } from './remove.ts';

/**
 * Deletes a snapshot at once; disks and images made from it stay. Its bytes go after the grace period, when nothing
 * else names them. Throws NOT_FOUND, PERMISSION_DENIED, STALE, and FAILED_PRECONDITION while a disk is copied from it.
 */
export function deleteSnapshot(
  context: CallerContext,
  snapshotId: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  const resource = { kind: 'snapshot', id: snapshotId } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findSnapshot(orm, snapshotId),
      findCopyOfSnapshot(orm, snapshotId),
    ]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return replay;
    const [[row], [copy]] = rows;
    const snapshot = requireResource(row, access, resource, 'compute.snapshots.delete');
    demandCurrent(snapshot.id, revisionEtag(snapshot), ifMatch);
    if (copy !== undefined) {
      throw failedPrecondition(
        snapshotId,
        'COPYING',
        `Snapshot "${snapshotId}" is being copied to disk "${copy.id}"; try again when that is READY, or cancel its creation`,
      );
    }
    const operation = finishedOperation(context, access, {
      kind: 'snapshots.delete',
      resource: { ...resource, folderId: snapshot.folderId, cloudId: snapshot.cloudId },
      metadata: { snapshotId },
      response: EMPTY,
    });
    await context.db.write([
      demandRevision(orm, 'snapshot', snapshot.id, snapshot.revision),
      demandNoCopyOfSnapshot(orm, snapshot.id),
      ...removeSnapshot(context, snapshot),
      ...recordOperation(context, operation, { before: snapshot }),
      clearGuards(orm),
    ]);
    return operation;
  });
}
