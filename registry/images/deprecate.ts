import { type Deprecation, type DeprecationRequest, planDeprecation } from '../../core/deprecation.ts';
import { invalidField } from '../../core/errors.ts';
import { passedOverFor } from '../../core/families.ts';
import type { Statement } from '../../db/client.ts';
import { demandReplacement, deprecate, findReplacements, MAX_REPLACEMENTS } from '../../db/deprecation.ts';
import { clearGuards } from '../../db/guards.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import { demandRevision } from '../../db/resources.ts';
import type { ImageRow } from '../../schema/tables/images.ts';
import { readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { demandReady, requireResource } from '../resources.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { announceImage } from '../webhooks/image-events.ts';
import { imageResult, viewOf } from './view.ts';

/**
 * Says from when on an image should not be used any more, and what to use instead; or that it may be used again.
 * Everything that the request does not say is taken away. Reading and downloading go on in every state.
 * Throws INVALID_ARGUMENT, NOT_FOUND (also for a replacement that the caller may not see), PERMISSION_DENIED,
 * FAILED_PRECONDITION for what is not READY.
 */
export function deprecateImage(
  context: CallerContext,
  imageId: string,
  request: DeprecationRequest,
): Promise<Operation> {
  const { replacementImageId } = request;
  return decideAgain(async () => {
    const { orm } = context.db;
    const resource = { kind: 'image', id: imageId } as const;
    const replacement =
      replacementImageId === undefined ? undefined : ({ kind: 'image', id: replacementImageId } as const);
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      resource,
      [
        findImage(orm, imageId),
        findLayerOfImage(orm, imageId),
        findImage(orm, replacementImageId ?? ''),
        findReplacements(orm, replacementImageId ?? ''),
      ],
      replacement,
    );
    const [[row], [layer], [replacementRow], replacements] = rows;
    const image = requireResource(row, access, resource, 'compute.images.update');
    if (replay !== undefined) return replay;
    demandReady(resource, image.status, 'deprecated');
    const now = context.now();
    const plan = planDeprecation(request, image, now);
    if (replacement !== undefined) {
      const { status } = requireResource(replacementRow, sourceAccess, replacement, 'compute.images.get');
      demandReady(replacement, status, 'a replacement');
      demandNoCircle(
        imageId,
        replacements.map(({ id }) => id),
      );
    }
    const change = { ...plan, passedOver: passedOverFor({ ...image, ...plan }, now) !== undefined };
    const deprecated: ImageRow = { ...image, ...change, revision: image.revision + 1 };
    const view = viewOf(deprecated, layer, now);
    const operation = finishedOperation(context, access, {
      kind: 'images.deprecate',
      resource: { ...resource, folderId: image.folderId, cloudId: image.cloudId },
      metadata: { imageId },
      response: imageResult(view),
    });
    await writeAndTell(context, [
      demandRevision(orm, 'image', imageId, image.revision),
      ...guardReplacement(context, imageId, plan),
      deprecate(orm, imageId, change),
      ...recordOperation(context, operation, { before: image, after: deprecated }),
      ...announceImage(context, 'image.deprecated', view, operation.id),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function guardReplacement(
  { db }: CallerContext,
  imageId: string,
  { replacementImageId }: Deprecation,
): Statement[] {
  return replacementImageId === null ? [] : demandReplacement(db.orm, imageId, replacementImageId);
}

/** in: the replacement and what replaces it in turn. Throws INVALID_ARGUMENT when they lead back, or on and on. */
function demandNoCircle(imageId: string, replacements: readonly string[]): void {
  const field = 'replacement_image_id';
  const [replacement] = replacements;
  if (replacement === imageId) throw invalidField(field, 'an image cannot replace itself');
  if (replacements.includes(imageId)) {
    const way = replacements.slice(0, replacements.indexOf(imageId) + 1).map((id) => `"${id}"`);
    throw invalidField(
      field,
      `leads back to the image by ${way.join(', ')}; name one that is not replaced by it`,
    );
  }
  if (replacements.length > MAX_REPLACEMENTS) {
    throw invalidField(
      field,
      `"${replacement}" has more than ${MAX_REPLACEMENTS} replacements one after the other; name the last of them`,
    );
  }
}
