import { failedPrecondition, notFound, RegistryError } from '../../core/errors.ts';
import { demandLatest, imagesInStanding, layersInStanding } from '../../db/families.ts';
import { findFolder } from '../../db/folders.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import type { Operation } from '../operations/record.ts';
import { passedOver } from './passed-over.ts';
import { writePromotion } from './promotion.ts';

export interface RollBackFamily {
  readonly folderId: string;
  readonly family: string;
  /** Why; kept with the promotion. */
  readonly note?: string | undefined;
}

/**
 * Promotes the image that comes next behind the latest of a family: the one that was the latest before it.
 * What is rolled back is the latest of the moment of the call; when that changes meanwhile, nothing is done.
 * Throws PERMISSION_DENIED for the folder, NOT_FOUND, ABORTED, and FAILED_PRECONDITION when no other is left.
 */
export function rollBackFamily(context: CallerContext, input: RollBackFamily): Promise<Operation> {
  const { folderId, note } = input;
  let meant: string | undefined;
  return decideAgain(async () => {
    const { orm } = context.db;
    const now = context.now();
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: folderId }, [
      findFolder(orm, folderId),
      imagesInStanding(orm, input, now, 2),
      layersInStanding(orm, input, now, 2),
    ]);
    const [[folderRow], [latest, before], layers] = rows;
    const folder = requireFolder(folderRow, access, 'compute.imageFamilies.update', folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    if (latest === undefined || before === undefined)
      throw await nothingLeft(context, input, latest?.id, now);
    meant ??= latest.id;
    if (latest.id !== meant) throw movedOn(input, meant, latest.id);
    return await writePromotion(context, {
      kind: 'imageFamilies.rollback',
      access,
      image: before,
      layer: layers.find(({ id }) => id === before.layerId),
      from: latest,
      note,
      now,
      guards: [demandLatest(orm, input, latest.id, now)],
    });
  });
}

async function nothingLeft(
  context: CallerContext,
  input: RollBackFamily,
  latestId: string | undefined,
  now: number,
): Promise<RegistryError> {
  const { family } = input;
  const reasons = await passedOver(context, input, now);
  if (latestId === undefined && reasons === '') return notFound('Image family', family);
  const left = latestId === undefined ? 'has no latest image' : `has no image behind "${latestId}"`;
  const others = reasons === '' ? 'it has no other image' : `passed over: ${reasons}`;
  return failedPrecondition(
    family,
    'NOTHING_BEFORE',
    `The family "${family}" ${left} to roll back to; ${others}. Promote an image by its id instead`,
  );
}

function movedOn({ family }: RollBackFamily, meant: string, latest: string): RegistryError {
  return new RegistryError(
    'ABORTED',
    `The latest image of the family "${family}" has become "${latest}" instead of "${meant}"; look again and decide again`,
  );
}
