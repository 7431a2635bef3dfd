import type { FamilyCandidate } from '../../core/families.ts';
import { next } from '../../core/lifecycle.ts';
import type { Statement } from '../../db/client.ts';
import { insertDeletedImages } from '../../db/deleted-images.ts';
import { areImages, deleteImages, deprecateImages } from '../../db/retention.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { auditRows, SCHEDULED } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { purgeTime } from '../images/remove.ts';
import { viewOf } from '../images/view.ts';
import { type Demand, release } from '../quotas/claim.ts';
import { imageDemand } from '../quotas/image.ts';
import { announceDeletions, announceImages } from '../webhooks/image-events.ts';

type Taken = ImageRow & FamilyCandidate;

const WHY = 'by the retention policy of its family';

/**
 * The statements by which a policy deletes images of a family, as `removeImage` deletes one, but in as many statements
 * for a hundred as for one. Also without a trash they go through it: the next duty purges them. The caller guards the batch.
 */
export function deleteByPolicy(context: Context, images: readonly Taken[]): Statement[] {
  const { orm } = context.db;
  for (const { status } of images) next('image', status, 'delete');
  const deletion = {
    deletedAt: context.now(),
    deletedBy: SCHEDULED,
    reason: 'POLICY',
    purgeAt: purgeTime(context, { status: 'READY' }),
  } as const;
  return [
    ...release(orm, images[0]!.cloudId, demandOf(images)),
    insertDeletedImages(orm, areImages(images), deletion),
    deleteImages(orm, images),
    auditRows(
      context,
      images.map((image) => ({ ...eventOf(image, 'images.delete'), before: image })),
    ),
    ...announceDeletions(context, images, deletion),
  ];
}

/** The statements by which a policy deprecates images of a family. The caller guards the batch. */
export function deprecateByPolicy(context: Context, images: readonly Taken[]): Statement[] {
  const now = context.now();
  const deprecated = images.map((image) => ({
    ...image,
    deprecateAt: now,
    deprecationMessage: image.deprecationMessage ?? WHY,
  }));
  return [
    deprecateImages(context.db.orm, images, WHY, now),
    auditRows(
      context,
      images.map((image, index) => ({
        ...eventOf(image, 'images.deprecate'),
        before: image,
        after: deprecated[index],
      })),
    ),
    ...announceImages(
      context,
      'image.deprecated',
      deprecated.map((image) => viewOf({ ...image, revision: image.revision + 1 }, undefined, now)),
    ),
  ];
}

function eventOf({ id, folderId, cloudId }: ImageRow, action: string) {
  return { actorId: SCHEDULED, action, resource: { kind: 'image', id, folderId, cloudId } };
}

/** What images of one family take of the quotas of their cloud. */
function demandOf(images: readonly Taken[]): Demand {
  const demand: Record<string, number> = {};
  for (const image of images) {
    for (const [quotaId, amount] of Object.entries(imageDemand(image))) {
      demand[quotaId] = (demand[quotaId] ?? 0) + amount;
    }
  }
  return demand;
}
