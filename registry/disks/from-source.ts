import { failedPrecondition } from '../../core/errors.ts';
import {
  DEFAULT_GENERATION,
  type DiskFacts,
  declaredGeneration,
  settleHardware,
} from '../../core/hardware.ts';
import type { Permission } from '../../core/roles.ts';
import { checkDiskSize } from '../../core/sizes.ts';
import { findDeprecation } from '../../db/deprecation.ts';
import { findPool } from '../../db/disks.ts';
import { findLayerOfSource, findSource } from '../../db/sources.ts';
import type { LayerRow } from '../../schema/tables/images.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext, Context } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { warningsOf } from '../images/deprecated-source.ts';
import { copiedLayer, emptyLayer } from '../layers/new-layer.ts';
import type { Operation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import {
  type CreateDisk,
  type DiskSource,
  demandNoTies,
  type Geometry,
  newDisk,
  placeQueries,
} from './new-disk.ts';
import { writeCopying, writeReady } from './write.ts';

/** What it takes to make a disk of something. */
const USE = {
  image: 'compute.images.use',
  snapshot: 'compute.snapshots.use',
} as const satisfies Record<DiskSource['kind'], Permission>;

/**
 * Makes a disk of an image or a snapshot, in whatever folder or cloud that is.
 *
 *   the source                 | the disk
 *   has no bytes               | has none either and is READY at once
 *   is optimized               | names the source's layer below an empty one of its own and is READY at once
 *   is anything else           | names a layer of its own and is CREATING until the store has copied the bytes
 */
export async function createFromSource(
  context: CallerContext,
  input: CreateDisk & { readonly source: DiskSource },
  geometry: Geometry,
): Promise<Operation> {
  const { operation, jobId } = await decideAgain(async () => {
    const { orm } = context.db;
    const { source } = input;
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      { kind: 'folder', id: input.folderId },
      [
        ...placeQueries(context, input),
        findSource(orm, source),
        findLayerOfSource(orm, source),
        findPool(orm, source.id),
        findDeprecation(orm, source.id),
      ],
      source,
    );
    const [[folderRow], quotas, [operations], [namesake], [sourceRow], [layer], [pool], [deprecation]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.disks.create', input.folderId);
    if (replay !== undefined) return { operation: replay, jobId: undefined };
    demandActive(folder);
    const found = requireResource(sourceRow, sourceAccess, source, USE[source.kind]);
    demandNoTies(input);
    if (found.status !== 'READY' || layer === undefined) throw notReady(source, found.status);
    const warnings = warningsOf(source.id, deprecation, context.now());
    checkDiskSize({ ...geometry, neededBytes: found.neededBytes ?? 0 });

    const { newLayer, ...names } = groundOf(context, layer, pool !== undefined);
    const inherited = found.hardwareGeneration ?? DEFAULT_GENERATION;
    const { hardwareGeneration } = settleHardware(
      (layer.inspection ?? {}) as DiskFacts,
      { hardwareGeneration: declaredGeneration(input.hardwareGeneration, inherited) },
      { osType: found.osType, hardwareGeneration: inherited },
    );
    const { productIds, osType, nvidiaDriver } = found;
    const disk = newDisk(context, folder, input, {
      ...geometry,
      ...names,
      productIds,
      osType,
      nvidiaDriver,
      hardwareGeneration,
    });
    const wanted = {
      access,
      disk,
      quotas,
      operations,
      namesake,
      newLayer,
      source,
      sourceLayer: layer,
      warnings,
    };
    return disk.status === 'READY'
      ? { operation: await writeReady(context, wanted), jobId: undefined }
      : await writeCopying(context, wanted);
  });
  if (jobId !== undefined) await context.jobs.send(jobId);
  return operation;
}

/** The layers on which the disk stands; `newLayer` is the one that is made for it. */
function groundOf(context: Context, source: LayerRow, pooled: boolean) {
  if (source.sizeBytes === 0) {
    const newLayer = emptyLayer(context);
    return { newLayer, status: 'READY', layerId: newLayer.id, topLayerId: null } as const;
  }
  if (pooled) {
    const newLayer = emptyLayer(context);
    return { newLayer, status: 'READY', layerId: source.id, topLayerId: newLayer.id } as const;
  }
  const newLayer = copiedLayer(context, source);
  return { newLayer, status: 'CREATING', layerId: newLayer.id, topLayerId: null } as const;
}

function notReady({ kind, id }: DiskSource, status: string) {
  return failedPrecondition(
    id,
    'STATUS',
    `The ${kind} "${id}" is ${status}; only a READY one can be the source of a disk`,
  );
}
