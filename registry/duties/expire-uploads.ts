import { RegistryError } from '../../core/errors.ts';
import { findImage } from '../../db/images.ts';
import { demandUploadState, expiredUploads, findUpload } from '../../db/uploads.ts';
import { SCHEDULED } from '../audit/record.ts';
import { endCreationOf } from '../uploads/give-up.ts';
import { oneByOne } from './one-by-one.ts';

export const expireUploads = oneByOne({
  description: 'Ends uploads that were not completed in time, so that nothing is paid for that was forgotten',
  async find({ db, now }, limit) {
    return (await db.read([expiredUploads(db.orm, now(), limit)]))[0];
  },
  tell: ({ imageId }) => ({ imageId }),
  async act(context, { imageId }) {
    const { orm } = context.db;
    const [[image], [upload]] = await context.db.read([findImage(orm, imageId), findUpload(orm, imageId)]);
    if (image === undefined || upload?.state !== 'OPEN' || upload.expiresAt > context.now()) return false;
    const error = new RegistryError(
      'DEADLINE_EXCEEDED',
      `The ${upload.sourceUri === null ? 'upload was not completed' : 'link was not copied'} within ${context.settings.BULLION_UPLOAD_TTL_SECONDS} s; create the image again`,
    );
    await endCreationOf(context, image, upload, error, SCHEDULED, [demandUploadState(orm, imageId, 'OPEN')]);
    return true;
  },
});
