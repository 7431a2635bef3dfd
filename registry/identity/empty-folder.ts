import { emptyingDeadline } from '../../core/deadlines.ts';
import { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { trashInFolder } from '../../db/deleted-images.ts';
import {
  accountsInFolder,
  demandDeletion,
  disksInFolder,
  federationsInFolder,
  findFolder,
  imagesInFolder,
  snapshotsInFolder,
  uploadsInFolder,
} from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandNotLeased, heldInFolder } from '../../db/leases.ts';
import { changeOperation, findOperation } from '../../db/operations.ts';
import { findSoleOwnership } from '../../db/owners.ts';
import { demandRevision } from '../../db/resources.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';
import type { DiskRow, ImageRow, UploadRow } from '../../schema/tables/images.ts';
import type { JobRow } from '../../schema/tables/work.ts';
import { auditRow, endedRow, REGISTRY } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { endDisk } from '../disks/end.ts';
import { removeDisk } from '../disks/remove.ts';
import { heldImages, NAMED_HOLDERS } from '../images/held.ts';
import { isTrashed, purgeTrashed } from '../images/purge.ts';
import { removeImage } from '../images/remove.ts';
import type { JobOutcome } from '../jobs/outcome.ts';
import { endOperation } from '../operations/end.ts';
import { EMPTY } from '../operations/record.ts';
import { removeSnapshot } from '../snapshots/remove.ts';
import { endUpload } from '../uploads/end.ts';
import { removeFolder, stopDeletion } from './delete-folder.ts';
import { removeFederation } from './federations.ts';
import { lastOwner } from './owners.ts';
import { removeServiceAccount } from './service-accounts.ts';

/** How much of a folder one run takes away; each thing goes in a batch of its own. */
const THINGS_PER_RUN = 25;

/** How one thing goes: its batch without the guards around it, and the job to send once that is written. */
interface Removal {
  readonly statements: Statement[];
  readonly jobId?: string;
  /** What goes, as it was read. */
  readonly gone: { readonly kind: string; readonly row: { readonly id: string }; readonly verb?: 'purge' };
}

/**
 * The first things of each kind that a folder holds, in the order in which the kinds go. A disk elsewhere that is just
 * being copied from an image or a snapshot is made all the same: its layer names theirs.
 */
const KINDS: readonly ((context: Context, folderId: string, by: string) => Promise<Removal[]>)[] = [
  async (context, folderId, by) => {
    const { orm } = context.db;
    const [images, uploads] = await context.db.read([
      imagesInFolder(orm, folderId, THINGS_PER_RUN),
      uploadsInFolder(orm, folderId, THINGS_PER_RUN),
    ]);
    return images.map((image) =>
      imageRemoval(
        context,
        image,
        uploads.find(({ imageId }) => imageId === image.id),
        by,
      ),
    );
  },
  async (context, folderId) => {
    const [trash] = await context.db.read([trashInFolder(context.db.orm, folderId, THINGS_PER_RUN)]);
    return trash.filter(isTrashed).map((image) => ({
      statements: purgeTrashed(context, image),
      gone: { kind: 'image', row: image, verb: 'purge' },
    }));
  },
  async (context, folderId) => {
    const [disks] = await context.db.read([disksInFolder(context.db.orm, folderId, THINGS_PER_RUN)]);
    return await Promise.all(disks.map((disk) => diskRemoval(context, disk)));
  },
  async (context, folderId) => {
    const { orm } = context.db;
    const [snapshots] = await context.db.read([snapshotsInFolder(orm, folderId, THINGS_PER_RUN)]);
    return snapshots.map((snapshot) => ({
      statements: [
        demandRevision(orm, 'snapshot', snapshot.id, snapshot.revision),
        ...removeSnapshot(context, snapshot),
      ],
      gone: { kind: 'snapshot', row: snapshot },
    }));
  },
  async ({ db }, folderId) => {
    const [federations] = await db.read([federationsInFolder(db.orm, folderId, THINGS_PER_RUN)]);
    return federations.map((row) => ({
      statements: removeFederation(db.orm, row.id),
      gone: { kind: 'federation', row },
    }));
  },
  async ({ db }, folderId) => {
    const [accounts] = await db.read([accountsInFolder(db.orm, folderId, THINGS_PER_RUN)]);
    return accounts.map((row) => ({
      statements: removeServiceAccount(db.orm, row.id),
      gone: { kind: 'serviceAccount', row },
    }));
  },
];

/**
 * Takes away what a folder holds, some of it in each run, then the folder, and ends the operation of its deletion.
 * Every batch demands that the folder is still being deleted by that operation, so that a run that comes too late or
 * beside another one does nothing.
 */
export async function emptyFolder(context: Context, job: JobRow): Promise<JobOutcome> {
  const { orm } = context.db;
  const [[folder], [operation], [ownership], held] = await context.db.read([
    findFolder(orm, job.subjectId),
    findOperation(orm, job.operationId ?? ''),
    findSoleOwnership(orm, { folderId: job.subjectId }),
    heldInFolder(orm, job.subjectId, context.now(), NAMED_HOLDERS + 1),
  ]);
  if (folder?.status !== 'DELETING' || folder.deletionId !== job.operationId) return 'done';
  if (ownership !== undefined) {
    await context.db.write(stopped(context, folder, lastOwner(ownership)));
    return 'done';
  }
  if (held.length > 0) {
    await context.db.write(stopped(context, folder, heldImages(folder.id, held)));
    return 'done';
  }
  for (const removalsOf of KINDS) {
    const removals = await removalsOf(context, folder.id, operation?.createdBy ?? REGISTRY);
    for (const { statements, jobId, gone } of removals) {
      await context.db.write([
        demandDeletion(orm, folder),
        ...statements,
        goneRow(context, folder, gone),
        clearGuards(orm),
      ]);
      if (jobId !== undefined) await context.jobs.send(jobId);
    }
    if (removals.length > 0) {
      const now = context.now();
      await context.db.write([
        changeOperation(orm, folder.deletionId!, now, { deadlineAt: emptyingDeadline(now) }),
      ]);
      return { again: {} };
    }
  }
  await context.db.write(endOf(context, folder));
  return 'done';
}

function endOf(context: Context, folder: FolderRow): Statement[] {
  const { orm } = context.db;
  return [
    demandDeletion(orm, folder),
    ...removeFolder(context, folder.id),
    goneRow(context, folder, { kind: 'folder', row: folder }),
    endOperation(context, folder.deletionId!, { response: EMPTY }),
    clearGuards(orm),
  ];
}

/**
 * An image that is being created ends its creation, as when it is deleted by itself. Another one is purged, because no
 * folder will be there to bring it back to.
 */
function imageRemoval(context: Context, image: ImageRow, upload: UploadRow | undefined, by: string): Removal {
  const { orm } = context.db;
  const gone = { kind: 'image', row: image };
  if (image.status === 'CREATING' && upload !== undefined) {
    return { ...endUpload(context, image, upload, cancelled(image.folderId, `image "${image.id}"`)), gone };
  }
  return {
    statements: [
      demandRevision(orm, 'image', image.id, image.revision),
      demandNotLeased(orm, image.id, context.now()),
      ...removeImage(context, image, { by, reason: 'FOLDER', purge: true }),
    ],
    gone,
  };
}

async function diskRemoval(context: Context, disk: DiskRow): Promise<Removal> {
  const gone = { kind: 'disk', row: disk };
  if (disk.status === 'CREATING') {
    return { ...(await endDisk(context, disk, cancelled(disk.folderId, `disk "${disk.id}"`))), gone };
  }
  return {
    statements: [
      demandRevision(context.db.orm, 'disk', disk.id, disk.revision),
      ...removeDisk(context, disk),
    ],
    gone,
  };
}

/** Who asked for the folder's deletion is with its operation; each thing goes by that. */
function goneRow(context: Context, folder: FolderRow, { kind, row, verb }: Removal['gone']): Statement {
  return auditRow(context, {
    actorId: REGISTRY,
    action: `${kind}s.${verb ?? 'delete'}`,
    resource: { kind, id: row.id, folderId: folder.id, cloudId: folder.cloudId },
    operationId: folder.deletionId,
    before: row,
  });
}

/** The batch that ends the deletion with an error. */
function stopped(context: Context, folder: FolderRow, error: RegistryError): Statement[] {
  const resource = { kind: 'folder', id: folder.id, folderId: folder.id, cloudId: folder.cloudId };
  const event = { actorId: REGISTRY, action: 'folders.delete', resource, operationId: folder.deletionId };
  return [...stopDeletion(context, folder, error), endedRow(context, event, error)];
}

function cancelled(folderId: string, what: string): RegistryError {
  return new RegistryError('CANCELLED', `Folder "${folderId}" was deleted while ${what} was being created`);
}
