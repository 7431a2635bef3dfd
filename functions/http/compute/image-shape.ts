import type { z } from '@hono/zod-openapi';
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
    etag: etagOf(image),
  }) as ImageWire;
}

function osShape({ osType, nvidiaDriver }: Image): ImageWire['os'] {
  if (osType === null && nvidiaDriver === null) return undefined;
  return {
    ...(osType === null ? {} : { type: osType }),
    ...(nvidiaDriver === null ? {} : { nvidia: { driver: nvidiaDriver } }),
  };
}
