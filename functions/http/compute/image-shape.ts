import type { z } from 'zod';
import { generationToJson } from '../../../core/hardware.ts';
import { etagOf } from '../../../registry/images/etag.ts';
import type { Image } from '../../../registry/images/view.ts';
import type { image as imageWire } from '../../../schema/wire/compute/image.ts';
import { compact, int64Text, nonEmpty, time } from '../wire.ts';

export const IMAGE_TYPE = 'yandex.cloud.compute.v1.Image';

type ImageWire = z.infer<typeof imageWire>;

/** An image as the contract shows it. READY images always have `os`, because clients rely on it. */
export function imageShape(image: Image): ImageWire {
  return compact({
    id: image.id,
    folderId: image.folderId,
    createdAt: time(image.createdAt),
    name: image.name,
    description: image.description,
    labels: nonEmpty(image.labels),
    family: image.family,
    size: int64Text(image.sizeBytes),
    storageSize: int64Text(image.storageSize),
    minDiskSize: int64Text(image.minDiskSize),
    productIds: image.productIds,
    status: image.status,
    os: osShape(image),
    pooled: image.pooled,
    hardwareGeneration:
      image.hardwareGeneration === null ? undefined : generationToJson(image.hardwareGeneration),
    layerId: image.layerId,
    digest: image.digest,
    source: image.source,
    architecture: image.architecture,
    inspection: image.inspection,
    promotedAt: image.promotedAt === image.createdAt ? undefined : time(image.promotedAt),
    candidate: image.candidate,
    deprecation: deprecationShape(image),
    deleteProtection: image.deleteProtection,
    leases: image.leases || undefined,
    ...deletionShape(image),
    etag: etagOf(image),
  }) as ImageWire;
}

/** When, by whom and why it was deleted, and what is to become of it. */
function deletionShape({ deletion }: Image) {
  if (deletion === undefined) return {};
  const { deletedAt, deletedBy, reason, purgeAt, purgedAt } = deletion;
  return {
    deletedAt: time(deletedAt),
    deletedBy,
    reason,
    ...(purgedAt === null ? { purgeAt: time(purgeAt) } : { purgedAt: time(purgedAt) }),
  };
}

/** What is kept of its deprecation, if anything. What was kept of an image before there was any says nothing. */
function deprecationShape(image: Image): ImageWire['deprecation'] {
  const { deprecationState: state, deprecateAt, obsoleteAt, deleteAt, replacementImageId } = image;
  const dates = compact({
    deprecateAt: timeOrNone(deprecateAt),
    obsoleteAt: timeOrNone(obsoleteAt),
    deleteAt: timeOrNone(deleteAt),
  });
  if (Object.keys(dates).length === 0) return undefined;
  return { state, ...dates, ...compact({ replacementImageId, message: image.deprecationMessage }) };
}

function timeOrNone(epochMs: number | null | undefined): string | undefined {
  return epochMs === null || epochMs === undefined ? undefined : time(epochMs);
}

function osShape({ osType, nvidiaDriver }: Image): ImageWire['os'] {
  if (osType === null && nvidiaDriver === null) return undefined;
  return {
    ...(osType === null ? {} : { type: osType }),
    ...(nvidiaDriver === null ? {} : { nvidia: { driver: nvidiaDriver } }),
  };
}
