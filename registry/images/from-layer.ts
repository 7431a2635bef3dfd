import { failedPrecondition } from '../../core/errors.ts';
import { type DiskFacts, declaredGeneration, settleHardware } from '../../core/hardware.ts';
import { inheritMinDiskSize, inheritProducts } from '../../core/inheritance.ts';
import type { Permission } from '../../core/roles.ts';
import { findDeprecation } from '../../db/deprecation.ts';
import { digestJobsOf } from '../../db/jobs.ts';
import { bytesToCount } from '../../db/quotas.ts';
import { findLayerOfSource, findSource, layerOfSource } from '../../db/sources.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import type { Operation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { warningsOf } from './deprecated-source.ts';
import { createNaming, readyOn } from './name-layer.ts';
import { type CreateImage, type NamedSource, newImage, placeQueries } from './new-image.ts';

/** What it takes to make an image of something. */
const USE = {
  image: 'compute.images.use',
  disk: 'compute.disks.use',
  snapshot: 'compute.snapshots.use',
} as const satisfies Record<NamedSource['kind'], Permission>;

/**
 * Makes an image of an image, a disk or a snapshot, in whatever folder or cloud that is: it names the source's layer,
 * so that no byte is copied or read again. out: an operation that is done, the image READY.
 */
export function createFromLayer(context: CallerContext, input: CreateImage<NamedSource>): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { source } = input;
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      { kind: 'folder', id: input.folderId },
      [
        ...placeQueries(context, input),
        findSource(orm, source),
        findLayerOfSource(orm, source),
        bytesToCount(orm, 'compute.images.size', input.folderId, layerOfSource(source)),
        findDeprecation(orm, source.id),
        digestJobsOf(orm, layerOfSource(source)),
      ],
      source,
    );
    const [
      [folderRow],
      quotas,
      [operations],
      [namesake],
      [sourceRow],
      [layer],
      [count],
      [deprecation],
      digestJobs,
    ] = rows;
    const folder = requireFolder(folderRow, access, 'compute.images.create', input.folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    const found = requireResource(sourceRow, sourceAccess, source, USE[source.kind]);
    if (found.status !== 'READY' || layer === undefined) throw notReady(source, found.status);
    const warnings = warningsOf(source.id, deprecation, context.now());

    const declared = declaredGeneration(input.hardwareGeneration, found.hardwareGeneration ?? undefined);
    const neededBytes = found.neededBytes ?? 0;
    const image = readyOn(layer, {
      ...newImage(context, folder, input, declared, {
        layerId: layer.id,
        source: { kind: source.kind, id: source.id },
      }),
      ...settleHardware(
        (layer.inspection ?? {}) as DiskFacts,
        { osType: input.osType, hardwareGeneration: declared },
        found,
      ),
      nvidiaDriver: input.nvidiaDriver || found.nvidiaDriver,
      productIds: inheritProducts(found.productIds, input.productIds),
      minDiskSize: inheritMinDiskSize(neededBytes, input.minDiskSize),
      smallestDiskSize: neededBytes,
    });
    return await createNaming(context, {
      place: { access, quotas, operations, namesake },
      input,
      image,
      layer,
      source,
      bytes: count?.bytes ?? 0,
      digesting: digestJobs.length > 0,
      metadata: { warnings },
    });
  });
}

function notReady({ kind, id }: NamedSource, status: string) {
  return failedPrecondition(
    id,
    'STATUS',
    `The ${kind} "${id}" is ${status}; only a READY one can be the source of an image`,
  );
}
