import { notFound } from '../../core/errors.ts';
import type { RetentionPolicy } from '../../core/retention.ts';
import { findFamily } from '../../db/families.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandFamilyRow, findFamilyRow, setPolicy } from '../../db/retention.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { policyOf } from './plan.ts';
import { type Family, familyOf } from './read.ts';

export interface SetRetention {
  readonly folderId: string;
  readonly family: string;
  /** Undefined takes the policy away. */
  readonly policy: RetentionPolicy | undefined;
}

/**
 * Sets the policy of a family, also of one that has no image yet, or takes it away. It is applied at the next tick of
 * the clock, and from then on every hour.
 * Throws PERMISSION_DENIED for the folder, FAILED_PRECONDITION for one that is being deleted, NOT_FOUND for taking
 * away the policy of a family that has neither an image nor one.
 */
export function setRetention(
  context: CallerContext,
  { folderId, family, policy }: SetRetention,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const name = { folderId, family };
    const now = context.now();
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: folderId }, [
      findFolder(orm, folderId),
      findFamily(orm, folderId, family, now),
      findFamilyRow(orm, name),
    ]);
    const [[folderRow], [found], [row]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.imageFamilies.update', folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    if (policy === undefined && found === undefined) throw notFound('Image family', family);
    const { cloudId } = folder;
    const nextRunAt = policy === undefined ? null : now;
    const response: Family = {
      ...(found === undefined ? { ...NO_IMAGES, ...name } : familyOf(folderId, found)),
      policy: policy ?? null,
      nextRunAt,
    };
    const operation = finishedOperation(context, access, {
      kind: 'imageFamilies.setRetention',
      resource: { kind: 'folder', id: folderId, folderId, cloudId },
      metadata: { folderId, family },
      response: { type: 'imageFamily', value: { ...response } },
    });
    await context.db.write([
      demandActiveFolder(orm, folderId),
      demandFamilyRow(orm, name, row?.revision),
      setPolicy(orm, { ...name, cloudId }, { ...NO_POLICY, ...policy, nextRunAt }),
      ...recordOperation(context, operation, {
        before: { retention: { family, policy: policyOf(row) ?? null } },
        after: { retention: { family, policy: policy ?? null } },
      }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

const NO_IMAGES = { imageCount: 0, candidateCount: 0, sizeBytes: 0, latestImageId: null };
const NO_POLICY = { action: null, keepLast: null, keepWithinMs: null, minAgeMs: null, includePublic: false };
