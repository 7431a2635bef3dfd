import { foldersDue } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { auditRow, SCHEDULED } from '../audit/record.ts';
import { beginDeletion } from '../identity/delete-folder.ts';
import { FOLDER } from '../identity/folders.ts';
import { oneByOne } from './one-by-one.ts';

export const deleteDueFolders = oneByOne({
  description: 'Begins the deletion of folders whose day has come',
  async find({ db, now }, limit) {
    return (await db.read([foldersDue(db.orm, now(), limit)]))[0];
  },
  tell: ({ id }) => ({ folderId: id }),
  async act(context, folder) {
    const { statements, jobId } = beginDeletion(context, folder);
    const begun = auditRow(context, {
      actorId: SCHEDULED,
      action: 'folders.delete',
      resource: { kind: 'folder', id: folder.id, ...FOLDER.placeOf(folder) },
      operationId: folder.deletionId,
      before: { status: folder.status },
      after: { status: 'DELETING' },
    });
    await context.db.write([...statements, begun, clearGuards(context.db.orm)]);
    await context.jobs.send(jobId);
    return true;
  },
});
