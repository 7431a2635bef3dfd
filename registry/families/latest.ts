import { notFound } from '../../core/errors.ts';
import { findLatest } from '../../db/families.ts';
import { readAs, requireInFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type Image, viewOf } from '../images/view.ts';
import { passedOver } from './passed-over.ts';

/**
 * The latest image of a family, in exactly this folder: READY, promoted last, neither a candidate nor deprecated.
 * Throws PERMISSION_DENIED for the folder and NOT_FOUND, which says why the images of the family are passed over.
 */
export async function getLatestByFamily(
  context: CallerContext,
  folderId: string,
  family: string,
): Promise<Image> {
  const { orm } = context.db;
  const name = { folderId, family };
  const now = context.now();
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    findLatest(orm, { ...name, now }),
  ]);
  const [[latest]] = rows;
  requireInFolder(access, 'compute.images.listByFamily', folderId);
  if (latest !== undefined) return { ...viewOf(latest, latest, now), leases: latest.leases };
  const reasons = await passedOver(context, name, now);
  if (reasons === '') throw notFound('Image', family);
  throw notFound('Image', family, [
    {
      kind: 'resource',
      resourceType: 'compute.imageFamily',
      resourceName: family,
      description: `The family has no image that could be the latest; passed over: ${reasons}`,
    },
  ]);
}
