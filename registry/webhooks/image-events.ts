import { ERROR_CODES, type RegistryError } from '../../core/errors.ts';
import { formatTimestamp } from '../../core/timestamps.ts';
import type { Statement } from '../../db/client.ts';
import { promotionPatch } from '../../db/webhooks.ts';
import type { DeletedImageRow, ImageRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import type { Image } from '../images/view.ts';
import { announce, announceLatest } from './announce.ts';

type ImageEvent = 'image.ready' | 'image.promoted' | 'image.deprecated';

/**
 * Tells that an image became READY, was promoted or deprecated, and what that makes of its family. Stands behind the
 * change in its batch. in: the image as it is after the change, but for the time of a promotion, which the batch settles.
 */
export function announceImage(
  context: Context,
  type: ImageEvent,
  image: Image,
  operationId?: string,
): Statement[] {
  return announceImages(context, type, [image], operationId);
}

/** As `announceImage`, for images of one folder and one family that are changed together. */
export function announceImages(
  context: Context,
  type: ImageEvent,
  images: readonly Image[],
  operationId?: string,
): Statement[] {
  const [first] = images;
  if (first === undefined) return [];
  const events = images.map((image) => ({
    type,
    data: { image: context.showImage({ ...image, inspection: null }) },
    operationId,
  }));
  const patch = type === 'image.promoted' ? promotionPatch(first.id) : undefined;
  return [
    ...announce(context, first.folderId, events, patch),
    ...announceLatest(context, first, operationId),
  ];
}

/** Tells that a creation ended without an image, and why: a refusal names the findings. */
export function announceRefusal(
  context: Context,
  image: ImageRow,
  { code, message, details }: RegistryError,
  operationId: string,
): Statement[] {
  const findings = details.flatMap((detail) => (detail.kind === 'inspection' ? codesOf(detail.report) : []));
  const error = { code: ERROR_CODES[code].number, message, ...(findings.length > 0 && { findings }) };
  const data = { ...nameOf(image), error };
  return announce(context, image.folderId, [{ type: 'image.refused', data, operationId }]);
}

function codesOf(report: Readonly<Record<string, unknown>>): string[] {
  const findings = (report.findings ?? []) as { code: string; severity: string }[];
  return findings.filter(({ severity }) => severity === 'REJECT').map(({ code }) => code);
}

/** How images are deleted together. Times in epoch milliseconds. */
type Deletion = Pick<DeletedImageRow, 'reason' | 'deletedAt' | 'purgeAt'>;

/**
 * Tells that images of one folder and one family were deleted, why, and until when they can be brought back, and what
 * that makes of the family.
 */
export function announceDeletions(
  context: Context,
  images: readonly ImageRow[],
  { reason, deletedAt, purgeAt }: Deletion,
): Statement[] {
  const [first] = images;
  if (first === undefined) return [];
  const until = purgeAt > deletedAt ? { purgeAt: formatTimestamp(purgeAt, 3) } : {};
  const events = images.map((image) => ({
    type: 'image.deleted' as const,
    data: { ...nameOf(image), reason, ...until },
  }));
  return [...announce(context, first.folderId, events), ...announceLatest(context, first)];
}

/** What is said of an image that is there no more. */
function nameOf({ id, name, family, folderId }: ImageRow): Record<string, string> {
  return { imageId: id, ...(name !== '' && { name }), ...(family !== '' && { family }), folderId };
}
