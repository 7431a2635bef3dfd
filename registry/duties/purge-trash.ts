import { clearGuards } from '../../db/guards.ts';
import { SCHEDULED } from '../audit/record.ts';
import { findTrashDue, purgeRow, purgeTrashed } from '../images/purge.ts';
import { oneByOne } from './one-by-one.ts';

export const purgeTrash = oneByOne({
  description: 'Purges images whose time in the trash is over',
  find: findTrashDue,
  tell: ({ id, folderId, sizeBytes }) => ({ imageId: id, folderId, sizeBytes }),
  async act(context, image) {
    await context.db.write([
      ...purgeTrashed(context, image),
      purgeRow(context, image, SCHEDULED),
      clearGuards(context.db.orm),
    ]);
    return true;
  },
});
