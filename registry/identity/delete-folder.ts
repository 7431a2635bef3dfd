import { emptyingDeadline } from '../../core/deadlines.ts';
import { invalidField, RegistryError } from '../../core/errors.ts';
import { next } from '../../core/lifecycle.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { demandContent } from '../../db/containers.ts';
import { deleteFamilies } from '../../db/families.ts';
import {
  countInFolder,
  deleteFolder as deleteRow,
  demandActiveFolder,
  demandDeletion,
  demandEmptyFolder,
  findFolder,
  updateFolder,
} from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertJob } from '../../db/jobs.ts';
import { heldInFolder } from '../../db/leases.ts';
import { demandRunning } from '../../db/operations.ts';
import { findSoleOwnership } from '../../db/owners.ts';
import { removeWebhooksOf } from '../../db/webhooks.ts';
import { type FolderRow, folders } from '../../schema/tables/identity.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { auditRow } from '../audit/record.ts';
import { type Access, readInput, readToChange, requirePermission } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, type Context, newId } from '../context.ts';
import { heldImages, NAMED_HOLDERS } from '../images/held.ts';
import { endOperation } from '../operations/end.ts';
import { type Operation, recordOperation, resourceOf, startOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandActive } from './active.ts';
import { operationOn } from './containers.ts';
import type { Deletion } from './deletion.ts';
import { demandContentEtag } from './etag.ts';
import { FOLDER } from './folders.ts';
import { demandNoneOwned } from './owners.ts';

const YEAR_MS = 366 * 86_400_000;
const NO_DELETION = { deleteAt: null, deletionId: null } as const;

/**
 * Deletes a folder. An empty one goes at once. One that holds something is first PENDING_DELETION until `deleteAfter`,
 * or for the time of the settings without it; its operation ends when all is gone, and cancelling it keeps the folder.
 * A `deleteAfter` ahead counts for an empty folder too; with one that has passed nothing is waited for.
 * Throws INVALID_ARGUMENT, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteFolder(
  context: CallerContext,
  id: string,
  { deleteAfter, ifMatch }: Deletion,
): Promise<Operation> {
  const resource = { kind: 'folder', id } as const;
  await demandWithinYear(context, deleteAfter);
  const { operation, jobId } = await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findFolder(orm, id),
      countInFolder(orm, id),
      findSoleOwnership(orm, { folderId: id }),
      heldInFolder(orm, id, context.now(), NAMED_HOLDERS + 1),
    ]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return { operation: replay, jobId: undefined };
    const [[row], [contents], [ownership], held] = rows;
    const folder = requireResource(row, access, resource, 'resource-manager.folders.delete');
    await demandContentEtag(folder, ifMatch);
    demandActive(folder);
    demandNoneOwned(ownership);
    if (held.length > 0) throw heldImages(id, held);
    const now = context.now();
    const empty = contents !== undefined && Object.values(contents).every((count) => count === 0);
    const waitMs = empty ? 0 : context.settings.BULLION_FOLDER_DELETION_SECONDS * 1000;
    const deleteAt = deleteAfter ?? now + waitMs;
    const guards = [demandContent(orm, folders, folder), demandActiveFolder(orm, id)];
    if (empty && deleteAt <= now) {
      const operation = operationOn(context, access, FOLDER, 'delete', folder);
      await context.db.write([
        ...guards,
        ...removeFolder(context, id),
        ...recordOperation(context, operation, { before: folder }),
        clearGuards(orm),
      ]);
      return { operation, jobId: undefined };
    }
    const operation = startOperation(context, access, {
      kind: 'folders.delete',
      resource: { kind: 'folder', id, ...FOLDER.placeOf(folder) },
      metadata: { folderId: id, deleteAfter: deleteAt },
      deadlineAt: emptyingDeadline(Math.max(now, deleteAt)),
    });
    const pending: FolderRow = {
      ...folder,
      status: next('folder', folder.status, 'schedule'),
      deleteAt,
      deletionId: operation.id,
    };
    const beginning = deleteAt <= now ? beginDeletion(context, pending) : undefined;
    await context.db.write([
      ...guards,
      updateFolder(orm, id, pending),
      ...(beginning?.statements ?? []),
      ...recordOperation(context, operation, { before: folder, after: pending }),
      clearGuards(orm),
    ]);
    return { operation, jobId: beginning?.jobId };
  });
  if (jobId !== undefined) await context.jobs.send(jobId);
  return operation;
}

function demandWithinYear(context: CallerContext, deleteAfter: number | undefined): Promise<void> {
  return readInput(context, () => {
    if (deleteAfter === undefined || deleteAfter <= context.now() + YEAR_MS) return;
    throw invalidField('delete_after', 'must be at most one year ahead');
  });
}

/** The statements that take an empty folder away with its bindings. */
export function removeFolder({ db: { orm } }: Context, id: string): Statement[] {
  return [
    demandEmptyFolder(orm, id),
    deleteRow(orm, id),
    deleteBindingsOf(orm, 'folder', id),
    ...deleteFamilies(orm, id),
    ...removeWebhooksOf(orm, id),
  ];
}

/** From here on the deletion cannot be called off. out: the statements, and the job to send once they are written. */
export function beginDeletion(
  context: Context,
  folder: FolderRow,
): { statements: Statement[]; jobId: string } {
  const { orm } = context.db;
  const jobId = newId(context, 'job');
  const now = context.now();
  return {
    jobId,
    statements: [
      demandDeletion(orm, folder),
      updateFolder(orm, folder.id, { ...folder, status: next('folder', folder.status, 'delete') }),
      insertJob(orm, {
        id: jobId,
        kind: 'empty-folder',
        subjectId: folder.id,
        operationId: folder.deletionId,
        runAfter: now,
        requestId: context.requestId,
        createdAt: now,
      }),
    ],
  };
}

/** Calls the deletion of a folder off, unless it has begun. in: its operation, running. Throws PERMISSION_DENIED. */
export async function keepFolder(
  context: CallerContext,
  operation: OperationRow,
  access: Access,
): Promise<void> {
  const { orm } = context.db;
  const { id: operationId, resourceId: id, metadata } = operation;
  requirePermission(access, 'resource-manager.folders.delete', 'operation', operationId);
  const [[folder]] = await context.db.read([findFolder(orm, id)]);
  if (folder?.status !== 'PENDING_DELETION' || folder.deletionId !== operationId) return;
  const now = context.now();
  const kept = { ...NO_DELETION, status: next('folder', folder.status, 'keep') };
  const cancelled = new RegistryError('CANCELLED', `The deletion of folder "${id}" was cancelled`);
  await context.db.write([
    demandRunning(orm, operationId),
    demandDeletion(orm, folder),
    updateFolder(orm, id, kept),
    auditRow(context, {
      actorId: access.callerId,
      action: 'operations.cancel',
      resource: resourceOf(operation),
      operationId,
      before: folder,
      after: { ...folder, ...kept },
    }),
    endOperation(
      context,
      operationId,
      { error: cancelled },
      { ...metadata, cancelledBy: access.callerId, cancelledAt: now },
    ),
    clearGuards(orm),
  ]);
}

/** Ends a deletion with an error; what is left of the folder is ACTIVE again. */
export function stopDeletion(context: Context, folder: FolderRow, error: RegistryError): Statement[] {
  const { orm } = context.db;
  const { id, deletionId } = folder;
  const event = folder.status === 'PENDING_DELETION' ? 'keep' : 'stop';
  return [
    demandDeletion(orm, folder),
    updateFolder(orm, id, { ...NO_DELETION, status: next('folder', folder.status, event) }),
    endOperation(context, deletionId!, { error }),
    clearGuards(orm),
  ];
}
