import { failedPrecondition } from '../../core/errors.ts';
import { findImage, findLayerOfImage } from '../../db/images.ts';
import { findUpload } from '../../db/uploads.ts';
import { readAs, requirePermission, requireVisible } from '../authorize.ts';
import type { CallerContext } from '../context.ts';

const EXTENSIONS: Readonly<Record<string, string>> = { QCOW2: 'qcow2', VMDK: 'vmdk', VHD: 'vhd', RAW: 'img' };
const CONTENT_TYPE = 'application/octet-stream';

export interface Download {
  /** A presigned GET; ranges work on it. */
  readonly url: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly etag: string | null;
  /** Hexadecimal, when it is known. */
  readonly sha256: string | undefined;
}

/**
 * Where the bytes of a READY image are. To read the bytes one must be allowed to use the image.
 * Throws NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION.
 */
export async function downloadImage(context: CallerContext, imageId: string): Promise<Download> {
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'image', id: imageId }, [
    findImage(orm, imageId),
    findLayerOfImage(orm, imageId),
    findUpload(orm, imageId),
  ]);
  const [[row], [layer], [upload]] = rows;
  const image = requireVisible(row, access, 'compute.images.get', 'Image', imageId);
  requirePermission(access, 'compute.images.use', 'image', imageId);
  if (image.status !== 'READY' || layer === undefined) {
    throw failedPrecondition(
      imageId,
      'STATUS',
      `Image "${imageId}" is ${image.status}; only a READY image can be downloaded`,
    );
  }
  if (layer.objectKey === '') {
    throw failedPrecondition(
      imageId,
      'NO_BYTES',
      `Image "${imageId}" was made of an empty disk: it holds no bytes that could be downloaded`,
    );
  }
  const format = String(layer.inspection?.format ?? 'RAW');
  const fileName = upload?.fileName ?? `${image.name || image.id}.${EXTENSIONS[format] ?? 'img'}`;
  const ttlSeconds = context.settings.BULLION_URL_TTL_SECONDS;
  return {
    url: await context.store.presignDownload(
      layer.objectKey,
      { fileName, contentType: CONTENT_TYPE },
      ttlSeconds,
    ),
    expiresAt: context.now() + ttlSeconds * 1000,
    sizeBytes: layer.sizeBytes,
    contentType: CONTENT_TYPE,
    etag: layer.etag,
    sha256: layer.digest?.replace(/^sha256:/, ''),
  };
}
