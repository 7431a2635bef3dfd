import type { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { findDisk } from '../../db/disks.ts';
import { findFolder } from '../../db/folders.ts';
import { findImage } from '../../db/images.ts';
import { findJobOf } from '../../db/jobs.ts';
import { findUpload } from '../../db/uploads.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import { endDisk, endForsakenDisk } from '../disks/end.ts';
import { stopDeletion } from '../identity/delete-folder.ts';
import { lapse } from '../quotas/settle-request.ts';
import { endUpload } from '../uploads/end.ts';

/** What takes back what an operation has begun and ends it, and the job to send once that is written. */
export interface Ending {
  readonly statements: Statement[];
  readonly jobId?: string;
}

/**
 * How a running operation of each kind ends with an error, rolled back whole; undefined when there is nothing to roll
 * back any more. The statements are undone when the operation has ended meanwhile.
 */
export const ENDINGS: Readonly<
  Record<
    string,
    (context: Context, operation: OperationRow, error: RegistryError) => Promise<Ending | undefined>
  >
> = {
  'images.create': async (context, { resourceId }, error) => {
    const { orm } = context.db;
    const [[image], [upload]] = await context.db.read([
      findImage(orm, resourceId),
      findUpload(orm, resourceId),
    ]);
    if (image?.status !== 'CREATING' || upload === undefined) return undefined;
    return endUpload(context, image, upload, error);
  },
  'disks.create': async (context, { id, resourceId }, error) => {
    const { orm } = context.db;
    const [[disk], [job]] = await context.db.read([
      findDisk(orm, resourceId),
      findJobOf(orm, 'copy-layer', resourceId),
    ]);
    if (disk?.status !== 'CREATING') return undefined;
    if (job === undefined || job.state === 'DEAD') return endForsakenDisk(context, disk, id, error);
    return await endDisk(context, disk, error);
  },
  'folders.delete': async (context, { id, resourceId }, error) => {
    const [[folder]] = await context.db.read([findFolder(context.db.orm, resourceId)]);
    if (folder === undefined || folder.deletionId !== id) return undefined;
    return { statements: stopDeletion(context, folder, error) };
  },
  'quotaRequests.create': lapse,
};
