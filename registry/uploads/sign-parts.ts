import { failedPrecondition, invalidField, notFound } from '../../core/errors.ts';
import { partRange } from '../../core/upload-plan.ts';
import { findImage } from '../../db/images.ts';
import { findUpload, keepStoreUpload } from '../../db/uploads.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';
import { type Access, readAs, requirePermission, requireVisible } from '../authorize.ts';
import type { CallerContext, Context } from '../context.ts';

/** A part to sign; with `md5` (base64 of the part's MD5) a byte changed on the way is refused by the store. */
export interface PartToSign {
  readonly partNumber: number;
  readonly md5?: string | undefined;
}

export interface SignedPart {
  readonly partNumber: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly url: string;
  /** What the client has to send with the PUT. */
  readonly headers: Record<string, string>;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Presigned URLs for the PUTs of some parts, each bound to its part's exact length. The first call opens the upload
 * in the store. Throws INVALID_ARGUMENT naming the part numbers outside 1..partCount, NOT_FOUND, PERMISSION_DENIED,
 * FAILED_PRECONDITION when no upload is open.
 */
export async function signParts(
  context: CallerContext,
  imageId: string,
  parts: readonly PartToSign[],
): Promise<SignedPart[]> {
  const { upload } = await openUpload(context, imageId);
  const plan = {
    sizeBytes: upload.sizeBytes,
    partSizeBytes: upload.partSizeBytes,
    partCount: upload.partCount,
  };
  const outside = parts.filter(({ partNumber }) => partNumber < 1 || partNumber > plan.partCount);
  if (outside.length > 0) {
    const numbers = outside.map(({ partNumber }) => partNumber).join(', ');
    throw invalidField('part_numbers', `${numbers}: this upload has the parts 1..${plan.partCount}`);
  }
  const storeUploadId = await ensureStoreUpload(context, upload);
  // No URL outlives its upload, so that no late part reaches the store.
  const remainingSeconds = Math.ceil((upload.expiresAt - context.now()) / 1000);
  const ttlSeconds = Math.max(1, Math.min(context.settings.BULLION_URL_TTL_SECONDS, remainingSeconds));
  const expiresAt = context.now() + ttlSeconds * 1000;
  return await Promise.all(
    parts.map(async ({ partNumber, md5 }) => {
      const { offset, sizeBytes } = partRange(plan, partNumber);
      const { url, headers } = await context.store.presignPart(
        objectKeyOf(upload),
        storeUploadId,
        partNumber,
        sizeBytes,
        ttlSeconds,
        md5,
      );
      return { partNumber, offset, sizeBytes, url, headers, expiresAt };
    }),
  );
}

/** The open upload of an image that the caller sends, and may write to. */
export async function openUpload(
  context: CallerContext,
  imageId: string,
): Promise<{ image: ImageRow; upload: UploadRow }> {
  const found = await sentUploadOf(context, imageId);
  if (found.upload.state !== 'OPEN') throw noOpenUpload(imageId, found.upload);
  if (found.upload.expiresAt <= context.now()) {
    throw failedPrecondition(
      imageId,
      'UPLOAD_EXPIRED',
      `The time of the upload of image "${imageId}" is over; create the image again`,
    );
  }
  return found;
}

/** The upload of an image that the caller sends, in whatever state. Throws FAILED_PRECONDITION for a copy of a link. */
export async function sentUploadOf(
  context: CallerContext,
  imageId: string,
): Promise<{ access: Access; image: ImageRow; upload: UploadRow }> {
  const found = await uploadOf(context, imageId);
  if (found.image.source.kind === 'uri') {
    throw failedPrecondition(
      imageId,
      'UPLOAD_SOURCE',
      `The registry itself fetches the bytes of image "${imageId}" from its link; wait for its operation`,
    );
  }
  return found;
}

/** The upload of an image in whatever state, sent or fetched, for a caller who may write to it. */
export async function uploadOf(
  context: CallerContext,
  imageId: string,
): Promise<{ access: Access; image: ImageRow; upload: UploadRow }> {
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findImage(orm, imageId),
    findUpload(orm, imageId),
  ]);
  const [[row], [upload]] = rows;
  const image = requireVisible(row, access, 'compute.images.get', 'Image', imageId);
  requirePermission(access, 'compute.images.update', 'image', imageId);
  if (upload === undefined) throw notFound('Upload of image', imageId);
  return { access, image, upload };
}

/** Where the bytes of an upload go. */
export function objectKeyOf(upload: Pick<UploadRow, 'layerId'>): string {
  return `layers/${upload.layerId}`;
}

function noOpenUpload(imageId: string, upload: UploadRow) {
  return failedPrecondition(
    imageId,
    'UPLOAD_STATE',
    `The upload of image "${imageId}" is ${upload.state}; parts can be sent only while it is OPEN`,
  );
}

/**
 * The store's upload id, opening it at the first need. Of two that open at once the one whose row stays wins; the
 * other closes its own again, so that nothing is left in the store that no row names.
 */
export async function ensureStoreUpload(context: Context, upload: UploadRow): Promise<string> {
  if (upload.storeUploadId !== null) return upload.storeUploadId;
  const { orm } = context.db;
  const key = objectKeyOf(upload);
  const opened = await context.store.openMultipart(key, 'application/octet-stream');
  const [, [kept]] = await context.db.write([
    keepStoreUpload(orm, upload.imageId, opened),
    findUpload(orm, upload.imageId),
  ]);
  if (kept?.storeUploadId === opened) return opened;
  await context.store.abortMultipart(key, opened);
  if (kept?.storeUploadId == null || kept.state !== 'OPEN') {
    if (kept === undefined) throw notFound('Image', upload.imageId);
    throw noOpenUpload(upload.imageId, kept);
  }
  return kept.storeUploadId;
}
