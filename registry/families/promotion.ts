import type { Statement } from '../../db/client.ts';
import { demandNotLatest, fillPromotion, promote } from '../../db/families.ts';
import { demandActiveFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandRevision } from '../../db/resources.ts';
import type { ImageRow, LayerRow } from '../../schema/tables/images.ts';
import type { Access } from '../authorize.ts';
import { type CallerContext, newId } from '../context.ts';
import { imageResult, viewOf } from '../images/view.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { tell } from '../webhooks/announce.ts';
import { announceImage } from '../webhooks/image-events.ts';

/** An image that is to be the latest of its family, and what was read to decide on it. */
export interface Promotion {
  readonly kind: 'images.promote' | 'imageFamilies.rollback';
  readonly access: Access;
  readonly image: ImageRow;
  readonly layer: LayerRow | undefined;
  /** The latest, as it was read; undefined when there was none. */
  readonly from: ImageRow | undefined;
  readonly note: string | undefined;
  /** The time for which it was decided. */
  readonly now: number;
  /** What has to hold besides. */
  readonly guards?: readonly Statement[];
}

/**
 * Writes a promotion: it holds while the image is as it was read and is not the latest by itself. When it was, and
 * from what, is settled by the batch, so that promotions at once need not wait for each other.
 * out: an operation that is done, with the image. Throws WriteConflict.
 */
export async function writePromotion(context: CallerContext, promotion: Promotion): Promise<Operation> {
  const { image, from, now, guards = [] } = promotion;
  const { orm } = context.db;
  const promoted: ImageRow = { ...image, candidate: false, passedOver: false, revision: image.revision + 1 };
  const operation = operationOf(context, promotion, promoted);
  const change = {
    before: { candidate: image.candidate, latestImageId: from?.id },
    after: { candidate: false, latestImageId: image.id, note: promotion.note },
  };
  const answers = await context.db.write([
    demandActiveFolder(orm, image.folderId),
    demandRevision(orm, 'image', image.id, image.revision),
    demandNotLatest(orm, image, image.id, now),
    ...guards,
    ...promote(
      orm,
      {
        id: newId(context, 'promotion'),
        folderId: image.folderId,
        family: image.family,
        imageId: image.id,
        promotedBy: promotion.access.callerId,
        note: promotion.note || null,
      },
      now,
    ),
    ...recordOperation(context, operation, change),
    ...announceImage(context, 'image.promoted', viewOf(promoted, promotion.layer, now), operation.id),
    clearGuards(orm),
    fillPromotion(orm, operation.id, image),
  ]);
  await tell(context, answers);
  const [filled] = answers.at(-1) as Awaited<ReturnType<typeof fillPromotion>>;
  return filled ?? operation;
}

/** Writes that an image is the latest already: an operation, and nothing else. */
export async function writeUnchanged(context: CallerContext, promotion: Promotion): Promise<Operation> {
  const operation = operationOf(context, promotion, promotion.image);
  await context.db.write(recordOperation(context, operation, {}));
  return operation;
}

function operationOf(
  context: CallerContext,
  { kind, access, layer, now }: Promotion,
  image: ImageRow,
): Operation {
  const { id, folderId, cloudId, family } = image;
  return finishedOperation(context, access, {
    kind,
    resource: { kind: 'image', id, folderId, cloudId },
    metadata: { imageId: id, folderId, family },
    response: imageResult(viewOf(image, layer, now)),
  });
}
