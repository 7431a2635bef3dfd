import type { DeletionReason } from '../../core/deletion.ts';
import { can, next } from '../../core/lifecycle.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { insertDeletedImage } from '../../db/deleted-images.ts';
import { demandNotCopied } from '../../db/images.ts';
import { noteUnnamed } from '../../db/layers.ts';
import { demandNotLeased } from '../../db/leases.ts';
import { deleteResource, demandRevision } from '../../db/resources.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import { releaseCount, releaseImage } from '../quotas/image.ts';
import { announceDeletions } from '../webhooks/image-events.ts';
import { purgeImage } from './purge.ts';

export interface Removal {
  /** A service account, or `scheduled`. */
  readonly by: string;
  readonly reason: DeletionReason;
  /** At once instead of when its time in the trash is over. */
  readonly purge?: boolean;
  /** When, in epoch milliseconds; now unless given. */
  readonly at?: number;
}

/**
 * What must hold in the batch that deletes an image: it is as it was read, its protection included, no disk is being
 * copied from it, and no lease on it is in force unless that is passed over.
 */
export function demandRemovable(context: Context, image: ImageRow, force = false): Statement[] {
  const { orm } = context.db;
  return [
    demandRevision(orm, 'image', image.id, image.revision),
    demandNotCopied(orm, image.id),
    ...(force ? [] : [demandNotLeased(orm, image.id, context.now())]),
  ];
}

/** When an image that is deleted at a time is purged: then, where there is no trash for it. Epoch milliseconds. */
export function purgeTime(
  context: Context,
  { status }: Pick<ImageRow, 'status'>,
  { purge = false, at = context.now() }: Pick<Removal, 'purge' | 'at'> = {},
): number {
  const kept = !purge && can('image', status, 'delete');
  return at + (kept ? context.settings.BULLION_TRASH_SECONDS * 1000 : 0);
}

/**
 * The statements that delete an image, whatever the reason: it goes to the trash with its name on its layer, its access
 * bindings and its leases, and gives back its count, not its bytes. Without a trash, or when it is to be purged, the
 * same batch purges it. The caller guards the batch: see `demandRemovable`.
 */
export function removeImage(context: Context, image: ImageRow, removal: Removal): Statement[] {
  const { orm } = context.db;
  const { by, reason, purge = false, at: deletedAt = context.now() } = removal;
  const purgeAt = purgeTime(context, image, { purge, at: deletedAt });
  const atOnce = purgeAt === deletedAt;
  next('image', image.status, atOnce ? 'purge' : 'delete');
  return [
    ...releaseCount(orm, image),
    insertDeletedImage(orm, image.id, { deletedAt, deletedBy: by, reason, purgeAt }),
    deleteResource(orm, 'image', image.id),
    ...(atOnce ? purgeImage(context, image) : []),
    // The webhooks of a folder go with it.
    ...(reason === 'FOLDER' ? [] : announceDeletions(context, [image], { reason, deletedAt, purgeAt })),
  ];
}

/** The statements that take back an image that never became READY: nothing is left of it. */
export function withdrawImage(context: Context, image: ImageRow): Statement[] {
  const { orm } = context.db;
  return [
    ...releaseImage(orm, image),
    deleteResource(orm, 'image', image.id),
    deleteBindingsOf(orm, 'image', image.id),
    noteUnnamed(orm, image.layerId, context.now()),
  ];
}
