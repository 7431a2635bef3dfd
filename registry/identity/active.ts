import { failedPrecondition } from '../../core/errors.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';

/** Nothing new is made in a folder that is being deleted. Throws FAILED_PRECONDITION. */
export function demandActive({ id, deleteAt, deletionId }: FolderRow): void {
  if (deleteAt === null) return;
  throw failedPrecondition(
    id,
    'PENDING_DELETION',
    `Folder "${id}" is being deleted; cancel the operation ${deletionId} to keep it`,
  );
}
