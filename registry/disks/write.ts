import { copyingDeadline } from '../../core/deadlines.ts';
import { type QuotaUse, quotaError, violated } from '../../core/quotas.ts';
import type { Statement } from '../../db/client.ts';
import { insertDisk } from '../../db/disks.ts';
import { demandActiveFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { insertJob } from '../../db/jobs.ts';
import { insertLayer, nameLayer } from '../../db/layers.ts';
import { demandSource } from '../../db/sources.ts';
import type { DiskRow, LayerRow } from '../../schema/tables/images.ts';
import type { Access } from '../authorize.ts';
import { type CallerContext, newId } from '../context.ts';
import { demandIdleOperations } from '../images/new-image.ts';
import { finishedOperation, type Operation, recordOperation, startOperation } from '../operations/record.ts';
import { claim } from '../quotas/claim.ts';
import { diskDemand } from '../quotas/disk.ts';
import { nameTaken } from '../resources.ts';
import type { DiskSource } from './new-disk.ts';
import { diskResult } from './view.ts';

/** A disk as it was decided, and what was read to decide on it. */
export interface WantedDisk {
  readonly access: Access;
  readonly disk: DiskRow;
  /** The layer that is made for it. */
  readonly newLayer: LayerRow;
  /** What has to stand READY on its layer until the disk is written, none for an empty disk. */
  readonly source?: DiskSource;
  readonly sourceLayer?: LayerRow;
  /** What is to be said of the source. */
  readonly warnings?: readonly string[];
  readonly quotas: readonly QuotaUse[];
  readonly operations: { readonly active: number } | undefined;
  readonly namesake: { readonly id: string } | undefined;
}

/** Writes a disk that needs no byte copied. out: an operation that is done. */
export async function writeReady(context: CallerContext, wanted: WantedDisk): Promise<Operation> {
  const { access, disk } = wanted;
  const statements = creation(context, wanted);
  const operation = finishedOperation(context, access, { ...startOf(wanted), response: diskResult(disk) });
  await context.db.write([
    ...statements,
    ...recordOperation(context, operation),
    clearGuards(context.db.orm),
  ]);
  return operation;
}

/**
 * Writes a disk that is CREATING, and the job that has its layer copied. out: the running operation, and the job to
 * send.
 */
export async function writeCopying(
  context: CallerContext,
  wanted: WantedDisk,
): Promise<{ operation: Operation; jobId: string }> {
  const { access, disk, newLayer } = wanted;
  const { orm } = context.db;
  const now = context.now();
  const statements = creation(context, wanted);
  const jobId = newId(context, 'job');
  const operation: Operation = {
    ...startOperation(context, access, {
      ...startOf(wanted),
      deadlineAt: copyingDeadline(now, newLayer.sizeBytes),
    }),
    stage: 'COPYING',
    bytesDone: 0,
    bytesTotal: newLayer.sizeBytes,
  };
  await context.db.write([
    ...statements,
    ...recordOperation(context, operation, { after: disk }),
    insertJob(orm, {
      id: jobId,
      kind: 'copy-layer',
      subjectId: disk.id,
      operationId: operation.id,
      runAfter: now,
      requestId: context.requestId,
      createdAt: now,
    }),
    clearGuards(orm),
  ]);
  return { operation, jobId };
}

function startOf({ disk: { id, folderId, cloudId }, warnings = [] }: WantedDisk) {
  return {
    kind: 'disks.create',
    resource: { kind: 'disk', id, folderId, cloudId },
    metadata: { diskId: id, warnings },
  } as const;
}

/**
 * The statements that every creation has in common: its rows and its quota, holding only while folder, source and the
 * source's layer stand. Throws ALREADY_EXISTS, RESOURCE_EXHAUSTED.
 */
function creation(context: CallerContext, wanted: WantedDisk): Statement[] {
  const { disk, newLayer, source, sourceLayer, quotas, operations, namesake } = wanted;
  const { orm } = context.db;
  if (namesake !== undefined) throw nameTaken('disk', disk.name);
  demandIdleOperations(context, operations);
  const demand = diskDemand(disk);
  const violations = violated(quotas, demand);
  if (violations.length > 0) throw quotaError(violations);
  return [
    demandActiveFolder(orm, disk.folderId),
    ...(source === undefined || sourceLayer === undefined
      ? []
      : [demandSource(orm, source, sourceLayer.id, disk.createdAt), ...nameLayer(orm, sourceLayer.id)]),
    insertLayer(orm, newLayer),
    insertDisk(orm, disk),
    ...claim(orm, disk.cloudId, demand),
  ];
}
