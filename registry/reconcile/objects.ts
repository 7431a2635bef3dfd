import { clearGuards } from '../../db/guards.ts';
import {
  anyStoredLayer,
  forsakenLayer,
  layersAfter,
  loseLayer,
  readyOnLayer,
  type StoredLayer,
  sameLayer,
} from '../../db/reconcile.ts';
import { changeResource } from '../../db/resources.ts';
import type { ListedObject } from '../../storage/store.ts';
import { auditRow } from '../audit/record.ts';
import type { Part, Pass } from './pass.ts';

const PREFIX = 'layers/';
const PAGE = 500;
/** What holding one key of both against each other takes at most. */
const REQUESTS_EACH = 40;
const RESOURCES_PER_BATCH = 15;
const WITH_OBJECT: ReadonlySet<StoredLayer['state']> = new Set(['STORED', 'VERIFIED', 'UNNAMED']);

/** The same key in the store and in the rows. */
interface Pair {
  readonly key: string;
  readonly object: ListedObject | undefined;
  readonly layer: StoredLayer | undefined;
}

/**
 * Walks through the objects of the store and the rows of layers side by side, by their keys. What the listing makes
 * suspect is asked for by itself before it counts as found.
 */
export const compareObjects: Part = async (pass, after) => {
  const { context, budget } = pass;
  const { orm } = context.db;
  const listed = await context.store.listObjects(PREFIX, after, PAGE);
  const [layers] = await context.db.read([layersAfter(orm, after?.slice(PREFIX.length) ?? '', PAGE)]);
  const ends = [
    ...(listed.more ? [listed.items.at(-1)!.key] : []),
    ...(layers.length === PAGE ? [layers.at(-1)!.objectKey] : []),
  ];
  // As far as both pages reach. Keys are ASCII: here they sort as in the store and in the database.
  const end = ends.sort()[0];
  const pairs = pairsUpTo(end, listed.items, layers);
  const isWrongStore = await seemsOfAnother(pass, pairs);
  let reached = after;
  for (const pair of pairs) {
    if (!budget.allows(REQUESTS_EACH)) return reached ?? '';
    await compare(pass, pair, isWrongStore);
    pass.looked({ objects: pair.object === undefined ? 0 : 1, layers: pair.layer === undefined ? 0 : 1 });
    reached = pair.key;
  }
  return end;
};

function pairsUpTo(
  end: string | undefined,
  objects: readonly ListedObject[],
  layers: readonly StoredLayer[],
): readonly Pair[] {
  const objectsByKey = new Map(objects.map((object) => [object.key, object]));
  const layersByKey = new Map(layers.map((layer) => [layer.objectKey, layer]));
  return [...new Set([...objectsByKey.keys(), ...layersByKey.keys()])]
    .filter((key) => end === undefined || key <= end)
    .sort()
    .map((key) => ({ key, object: objectsByKey.get(key), layer: layersByKey.get(key) }));
}

/**
 * Whether store and database seem not to belong together, as after a wrong setting: then nothing is mended, because
 * all of one would be taken for unknown and all of the other for lost.
 */
async function seemsOfAnother({ context, mendedBy }: Pass, pairs: readonly Pair[]): Promise<boolean> {
  if (mendedBy === undefined) return false;
  const stored = pairs.filter(({ layer }) => layer !== undefined && WITH_OBJECT.has(layer.state));
  const missing = stored.filter(({ object }) => object === undefined);
  if (missing.length * 2 > stored.length) return true;
  if (stored.length > 0) return false;
  const [[any]] = await context.db.read([anyStoredLayer(context.db.orm)]);
  return any === undefined;
}

async function compare(pass: Pass, { key, object, layer }: Pair, isWrongStore: boolean): Promise<void> {
  const { old } = pass;
  const mends = pass.mendedBy !== undefined && !isWrongStore;
  if (layer === undefined) {
    if (object !== undefined && object.modifiedAt < old) await unknownObject(pass, object, mends);
  } else if (layer.state === 'LOST') {
    if (mends) await breakResources(pass, layer.id);
  } else if (WITH_OBJECT.has(layer.state)) {
    const same = object?.etag === layer.etag && object?.sizeBytes === layer.sizeBytes;
    if (!same) await suspectLayer(pass, key, layer, mends);
  } else if (layer.createdAt < old) {
    const [[forsaken]] = await pass.context.db.read([forsakenLayer(pass.context.db.orm, layer.id)]);
    if (forsaken !== undefined) {
      pass.found('FORSAKEN_LAYER', { layerId: layer.id, state: forsaken.state, mended: false });
    }
  }
}

/** A row is always written before its object, so an object of some age without one will never get one. */
async function unknownObject({ context, found }: Pass, object: ListedObject, mends: boolean): Promise<void> {
  const { key, sizeBytes, modifiedAt } = object;
  if ((await context.store.head(key)) === undefined) return;
  if (mends) await context.store.delete(key);
  found('UNKNOWN_OBJECT', { key, sizeBytes, modifiedAt: new Date(modifiedAt).toISOString(), mended: mends });
}

/** A listing may lag behind, and stores write ETags of parts into it in different ways: only the object itself tells. */
async function suspectLayer(pass: Pass, key: string, layer: StoredLayer, mends: boolean): Promise<void> {
  const { context } = pass;
  const { orm } = context.db;
  const object = await context.store.head(key);
  if (object?.etag === layer.etag && object?.sizeBytes === layer.sizeBytes) return;
  const [[standing]] = await context.db.read([sameLayer(orm, layer)]);
  if (standing === undefined) return;
  // A STORED one is ended by its verdict, an UNNAMED one by its grace period.
  const mended = mends && layer.state === 'VERIFIED';
  if (mended) {
    await context.db.write([...loseLayer(orm, layer), clearGuards(orm)]);
    await breakResources(pass, layer.id);
  }
  const problem = object === undefined ? 'there is no object' : 'it is another object';
  pass.found('LOST_OBJECT', { layerId: layer.id, key, state: layer.state, problem, mended });
}

/** Nothing is made of what stands on a lost layer any more. */
async function breakResources({ context, mendedBy = '' }: Pass, layerId: string): Promise<void> {
  const { orm } = context.db;
  for (;;) {
    const [ready] = await context.db.read([readyOnLayer(orm, layerId, RESOURCES_PER_BATCH)]);
    if (ready.length === 0) return;
    await context.db.write(
      ready.flatMap(({ kind, id, folderId, cloudId }) => [
        changeResource(orm, kind, id, { status: 'ERROR' }),
        auditRow(context, {
          actorId: mendedBy,
          action: 'maintenance.reconcile',
          resource: { kind, id, folderId, cloudId },
          before: { status: 'READY' },
          after: { status: 'ERROR' },
        }),
      ]),
    );
  }
}
