import { demandNotNoted, imagesBegun, imagesToDelete, notePassedOver } from '../../db/deprecation.ts';
import { clearGuards } from '../../db/guards.ts';
import { findLayerOfImage } from '../../db/images.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { auditRow, SCHEDULED } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { demandRemovable, removeImage } from '../images/remove.ts';
import { viewOf } from '../images/view.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { announceImage } from '../webhooks/image-events.ts';
import { oneByOne } from './one-by-one.ts';

/** An image of which a date has come, and what that means for it. */
interface DueImage {
  readonly image: ImageRow;
  readonly due: 'PASS_OVER' | 'DELETE';
}

/**
 * What an image shows goes by its dates, whether or not this has run. A deletion that was asked for on a day is put off
 * while the image is leased, protected or being copied from, and by nothing else.
 */
export const applyDeprecations = oneByOne<DueImage>({
  description:
    'Passes over images whose deprecation has begun, and deletes those whose day of deletion has come',
  async find({ db, now }, limit) {
    const [begun, toDelete] = await db.read([
      imagesBegun(db.orm, now(), limit),
      imagesToDelete(db.orm, now(), limit),
    ]);
    const due: DueImage[] = [
      ...toDelete.map((image) => ({ image, due: 'DELETE' as const })),
      ...begun.map((image) => ({ image, due: 'PASS_OVER' as const })),
    ];
    return due.slice(0, limit);
  },
  tell: ({ image, due }) => ({ imageId: image.id, due }),
  async act(context, { image, due }) {
    await (due === 'DELETE' ? removeOnItsDate(context, image) : passOver(context, image));
    return true;
  },
});

async function passOver(context: Context, image: ImageRow): Promise<void> {
  const { orm } = context.db;
  const [[layer]] = await context.db.read([findLayerOfImage(orm, image.id)]);
  await writeAndTell(context, [
    demandNotNoted(orm, image.id, image.revision),
    notePassedOver(orm, image.id),
    ...announceImage(context, 'image.deprecated', viewOf(image, layer, context.now())),
    clearGuards(orm),
  ]);
}

async function removeOnItsDate(context: Context, image: ImageRow): Promise<void> {
  const { id, folderId, cloudId } = image;
  await writeAndTell(context, [
    ...demandRemovable(context, image),
    ...removeImage(context, image, { by: SCHEDULED, reason: 'DATE' }),
    auditRow(context, {
      actorId: SCHEDULED,
      action: 'images.delete',
      resource: { kind: 'image', id, folderId, cloudId },
      before: image,
    }),
    clearGuards(context.db.orm),
  ]);
}
