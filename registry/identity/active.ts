import { failedPrecondition } from '../../core/errors.ts';
import type { FolderRow } from '../../schema/tables/identity.ts';

/** Nothing new is made in a folder that is being deleted. Throws FAILED_PRECONDITION. */
export function demandActive({ id, status, deletionId }: FolderRow): void {
  if (status === 'ACTIVE') return;
  const way =
    status === 'PENDING_DELETION'
      ? `cancel the operation ${deletionId} to keep it`
      : `the operation ${deletionId} tells when it is gone`;
  throw failedPrecondition(id, status, `Folder "${id}" is being deleted; ${way}`);
}
