import { ERROR_CODES, type RegistryError } from '../../core/errors.ts';
import { formatTimestamp } from '../../core/timestamps.ts';
import type { Statement } from '../../db/client.ts';
import type { DeletedImageRow, ImageRow } from '../../schema/tables/images.ts';
import type { Context } from '../context.ts';
import type { Image } from '../images/view.ts';
import { announce, announceLatest } from './announce.ts';

/**
 * Tells that an image became READY, was promoted or deprecated, and what that makes of its family. Stands behind the
 * change in its batch. in: the image as it is after the change.
 */
export function announceImage(
  context: Context,
  type: 'image.ready' | 'image.promoted' | 'image.deprecated',
  image: Image,
  operationId?: string,
): Statement[] {
  const { folderId } = image;
  const shown = context.showImage({ ...image, inspection: null });
  return [
    ...announce(context, { type, folderId, data: { image: shown }, operationId }),
    ...announceLatest(context, image, operationId),
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
  return announce(context, {
    type: 'image.refused',
    folderId: image.folderId,
    data: {
      ...nameOf(image),
      error: { code: ERROR_CODES[code].number, message, ...(findings.length > 0 && { findings }) },
    },
    operationId,
  });
}

function codesOf(report: Readonly<Record<string, unknown>>): string[] {
  const findings = (report.findings ?? []) as { code: string; severity: string }[];
  return findings.filter(({ severity }) => severity === 'REJECT').map(({ code }) => code);
}

/** Tells that an image was deleted, why, and until when it can be brought back, and what that makes of its family. */
export function announceDeletion(
  context: Context,
  image: ImageRow,
  { reason, deletedAt, purgeAt }: Pick<DeletedImageRow, 'reason' | 'deletedAt' | 'purgeAt'>,
): Statement[] {
  return [
    ...announce(context, {
      type: 'image.deleted',
      folderId: image.folderId,
      data: {
        ...nameOf(image),
        reason,
        ...(purgeAt > deletedAt && { purgeAt: formatTimestamp(purgeAt, 3) }),
      },
    }),
    ...announceLatest(context, image),
  ];
}

/** What is said of an image that is there no more. */
function nameOf({ id, name, family, folderId }: ImageRow): Record<string, string> {
  return { imageId: id, ...(name !== '' && { name }), ...(family !== '' && { family }), folderId };
}
