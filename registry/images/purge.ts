import { deleteBindingsOf } from '../../db/access.ts';
import type { Statement } from '../../db/client.ts';
import { buryImage, demandTrashed, trashDue } from '../../db/deleted-images.ts';
import { noteUnnamed } from '../../db/layers.ts';
import { deleteLeasesOf } from '../../db/leases.ts';
import { deleteUpload } from '../../db/uploads.ts';
import type { DeletedImageRow } from '../../schema/tables/images.ts';
import { type Actor, auditRow } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { releaseBytes } from '../quotas/image.ts';

/** An image that lies in the trash, and so names its layer. */
export type TrashedImage = DeletedImageRow & { readonly layerId: string };

type Purged = Pick<TrashedImage, 'id' | 'cloudId' | 'folderId' | 'layerId'>;

/** Whether an image that was deleted can still be brought back. */
export function isTrashed(image: DeletedImageRow): image is TrashedImage {
  return image.purgedAt === null && image.layerId !== null;
}

/**
 * The statements that purge an image in the trash: its bytes, whose grace period begins when nothing else names them,
 * its access bindings, its leases, its file name. What was known of it stays as a tombstone. The caller guards the batch.
 */
export function purgeImage(context: Context, image: Purged): Statement[] {
  const { orm } = context.db;
  const now = context.now();
  return [
    ...releaseBytes(orm, image),
    buryImage(orm, image.id, now),
    deleteBindingsOf(orm, 'image', image.id),
    deleteUpload(orm, image.id),
    deleteLeasesOf(orm, image.id),
    noteUnnamed(orm, image.layerId, now),
  ];
}

/** The statements that purge an image which lies in the trash as it was read. */
export function purgeTrashed(context: Context, image: TrashedImage): Statement[] {
  return [demandTrashed(context.db.orm, image), ...purgeImage(context, image)];
}

/** The row that says who had an image purged that had been deleted before. */
export function purgeRow(context: Context, image: TrashedImage, by: Actor): Statement {
  const { id, folderId, cloudId } = image;
  return auditRow(context, {
    actorId: by,
    action: 'images.purge',
    resource: { kind: 'image', id, folderId, cloudId },
    before: image,
  });
}

/** What lies in the trash and has to go, the longest due first. */
export async function findTrashDue(context: Context, limit: number): Promise<readonly TrashedImage[]> {
  const [due] = await context.db.read([trashDue(context.db.orm, context.now(), limit)]);
  return due.filter(isTrashed);
}
