import { DEFAULT_GENERATION, declaredGeneration } from '../../core/hardware.ts';
import { readInput, readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import { emptyLayer } from '../layers/new-layer.ts';
import type { Operation } from '../operations/record.ts';
import { createFromSource } from './from-source.ts';
import {
  type CreateDisk,
  demandNoTies,
  type Geometry,
  geometryOf,
  newDisk,
  placeQueries,
} from './new-disk.ts';
import { writeReady } from './write.ts';

/**
 * Makes a disk: an empty one, one over the shared layer of an optimized image, or one on a copy of its own, which the
 * store makes afterwards. out: the operation, which is done unless bytes have to be copied. Throws INVALID_ARGUMENT,
 * NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, ALREADY_EXISTS, RESOURCE_EXHAUSTED.
 */
export async function createDisk(context: CallerContext, input: CreateDisk): Promise<Operation> {
  const geometry = await readInput(context, () => geometryOf(context, input));
  const { source } = input;
  return source === undefined
    ? await createEmpty(context, input, geometry)
    : await createFromSource(context, { ...input, source }, geometry);
}

/** A disk without bytes is READY at once; it takes room in the store only when something is written to it. */
function createEmpty(context: CallerContext, input: CreateDisk, geometry: Geometry): Promise<Operation> {
  return decideAgain(async () => {
    const { access, rows, replay } = await readToChange(
      context,
      { kind: 'folder', id: input.folderId },
      placeQueries(context, input),
    );
    const [[folderRow], quotas, [operations], [namesake]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.disks.create', input.folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    demandNoTies(input);
    const layer = emptyLayer(context);
    const disk = newDisk(context, folder, input, {
      ...geometry,
      status: 'READY',
      productIds: null,
      osType: null,
      nvidiaDriver: null,
      hardwareGeneration: declaredGeneration(input.hardwareGeneration) ?? DEFAULT_GENERATION,
      layerId: layer.id,
      topLayerId: null,
    });
    return await writeReady(context, { access, disk, quotas, operations, namesake, newLayer: layer });
  });
}
