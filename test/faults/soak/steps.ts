/** Everything that the soak does, each with its weight. A step that finds nothing to do answers undefined. */

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { runningProcess } from '../../../dev/processes.ts';
import { eventually } from '../../service/setup/eventually.ts';
import { brokenDisk, IMAGES, type Operation, putPart, type SignedPart, smallDisk } from '../setup/client.ts';
import type { FaultKind, S3Operation } from '../setup/fault-proxy.ts';
import { FAMILIES } from './checks.ts';
import { type ImageModel, type ImageState, isHeld, type VolumeModel } from './model.ts';
import { isUnknown, type Reply, type Soak } from './soak.ts';

interface Step {
  readonly name: string;
  readonly weight: number;
  run(soak: Soak): Promise<string | undefined>;
}

/** Images of a cloud; low, so that the quota is met. */
export const MOST_IMAGES = 24;
const MOST_VOLUMES = 8;
const DISKS = '/compute/v1/disks';
const SNAPSHOTS = '/compute/v1/snapshots';
const FAMILY = '/compute/v1/imageFamilies/default';
const CHUNK = 4 * 2 ** 20;
const HOUR_MS = 3_600_000;
const HOLDERS = ['fleet/one', 'fleet/two'];

const STANDING: readonly ImageState[] = ['AWAITING', 'JUDGING', 'READY'];
const only = (image: ImageModel, ...states: readonly ImageState[]) =>
  [...image.may].every((state) => states.includes(state));
const some = (image: ImageModel, ...states: readonly ImageState[]) =>
  states.some((state) => image.may.has(state));
const pathOf = ({ id }: { id: string }, verb = '') => `${IMAGES}/${id}${verb}`;

/** One of those that may be in a state now; undefined when there is none. */
function anyImage({ random, world }: Soak, ...states: readonly ImageState[]): ImageModel | undefined {
  const found = [...world.images.values()].filter((image) => some(image, ...states));
  return found.length === 0 ? undefined : random.pick(found);
}

/** Whether one image more fits, as far as that is known. */
function roomStatuses({ world }: Soak): number[] {
  const images = [...world.images.values()];
  const least = images.filter(
    (image) => only(image, ...STANDING) && !image.deletable && image.accepted,
  ).length;
  const most = images.filter((image) => some(image, ...STANDING)).length;
  return [...(least < MOST_IMAGES ? [200] : []), ...(most >= MOST_IMAGES ? [429] : [])];
}

function addImage(
  { world }: Soak,
  { id: operationId, metadata, done }: Operation,
  fields: { family: string; accepted: boolean; state: ImageState; deleteProtection?: boolean },
): ImageModel {
  const image: ImageModel = {
    id: metadata.imageId,
    operationId,
    family: fields.family,
    accepted: fields.accepted,
    may: new Set([done ? 'READY' : fields.state]),
    sent: false,
    deleteProtection: fields.deleteProtection ?? false,
    leases: new Set(),
    uncertain: false,
    deletable: world.ruled.has(fields.family),
  };
  world.images.set(image.id, image);
  return image;
}

/** Something that is made of the fields; out: what came of it. */
async function createImage(
  soak: Soak,
  source: object,
  allowed: readonly number[],
  state: ImageState,
  accepted = true,
): Promise<string> {
  const { random } = soak;
  const family = random.pick(FAMILIES);
  const deleteProtection = random.chance(0.1);
  const body = { folderId: 'default', family, candidate: random.chance(0.3), deleteProtection, ...source };
  const reply = await soak.create<Operation>(IMAGES, body, allowed);
  if (reply.status !== 200) return `${reply.status}`;
  const image = addImage(soak, reply.body, { family, accepted, state, deleteProtection });
  return `${image.id} in ${family}${deleteProtection ? ', protected' : ''}`;
}

/** What making something of a source is answered with. in: whether the source may be obsolete. */
async function sourceStatuses(soak: Soak, image: ImageModel): Promise<number[]> {
  const [row] = await soak.registry.sql<{ obsolete: number | null }>(
    'SELECT obsolete_at AS obsolete FROM images WHERE id = ?',
    image.id,
  );
  const statuses = [];
  if (some(image, 'AWAITING', 'JUDGING')) statuses.push(400);
  if (some(image, 'JUDGING', 'READY')) {
    statuses.push(row?.obsolete != null && row.obsolete <= Date.now() ? 400 : 200);
  }
  if (some(image, 'JUDGING', 'TRASHED', 'PURGED', 'GONE')) statuses.push(404);
  return statuses;
}

/** A call on an image that is refused unless it is READY. */
function readyStatuses(image: ImageModel): number[] {
  const statuses = [];
  if (some(image, 'READY', 'JUDGING')) statuses.push(200);
  if (some(image, 'AWAITING', 'JUDGING')) statuses.push(400);
  if (!only(image, ...STANDING) || some(image, 'JUDGING')) statuses.push(404);
  return statuses;
}

const volumes = ({ world }: Soak, kind: VolumeModel['kind'], ...states: VolumeModel['state'][]) =>
  [...world.volumes.values()].filter((volume) => volume.kind === kind && states.includes(volume.state));

async function createVolume(
  soak: Soak,
  kind: VolumeModel['kind'],
  body: object,
  allowed: readonly number[],
): Promise<string | undefined> {
  if (soak.world.volumes.size >= MOST_VOLUMES) return undefined;
  const path = kind === 'disk' ? DISKS : SNAPSHOTS;
  const reply = await soak.create<Operation & { metadata: { diskId?: string; snapshotId?: string } }>(
    path,
    { folderId: 'default', ...body },
    allowed,
  );
  if (reply.status !== 200) return `${reply.status}`;
  const { id: operationId, done, metadata } = reply.body;
  const id = (kind === 'disk' ? metadata.diskId : metadata.snapshotId) ?? '';
  soak.world.volumes.set(id, { id, kind, operationId, state: done ? 'READY' : undefined });
  return `${id}${done ? '' : ', which is copied'}`;
}

/** Ends something that is being created, or the call finds that it is over. */
function ended(image: ImageModel, reply: Reply<unknown>): void {
  const states = new Set<ImageState>([...image.may, 'GONE']);
  image.may = reply.status === 200 && only(image, 'AWAITING') ? new Set(['GONE']) : states;
  if (image.may.has('AWAITING') && reply.status === 200) {
    image.may = new Set([...image.may].filter((state) => state !== 'AWAITING'));
  }
}

async function tick({ registry, fault }: Soak): Promise<void> {
  try {
    await registry.runScheduled();
  } catch (error) {
    if (fault === undefined) throw error;
  }
}

const FAULTS: readonly FaultKind[] = ['refuse', 'deny', 'lose-answer', 'deny-answer', 'cut-answer'];
const BROKEN: readonly (readonly S3Operation[])[] = [
  ['CreateMultipartUpload'],
  ['ListParts'],
  ['CompleteMultipartUpload'],
  ['AbortMultipartUpload'],
  ['HeadObject', 'GetObject'],
  ['DeleteObject'],
  ['CopyObject', 'UploadPartCopy'],
];

/** Kills workerd at once and starts the registry again on the same state. */
async function killAndStart(soak: Soak): Promise<void> {
  const { own } = soak.registry;
  const { pid } = JSON.parse(readFileSync(own.local.state.workerdFile, 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await own.local.crashed;
  await eventually('the end of workerd', () => runningProcess(pid) === undefined);
  await own.restart();
}

export const STEPS: readonly Step[] = [
  {
    name: 'create by upload',
    weight: 14,
    async run(soak) {
      const isAccepted = soak.random.chance(0.85);
      const size = String((isAccepted ? smallDisk : brokenDisk).length);
      return await createImage(soak, { upload: { size } }, roomStatuses(soak), 'AWAITING', isAccepted);
    },
  },
  {
    name: 'sign and send',
    weight: 16,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING');
      if (image === undefined) return undefined;
      const allowed = only(image, 'AWAITING') ? [200] : [200, 400, 404];
      const reply = await soak.call<{ parts: SignedPart[] }>(
        'POST',
        pathOf(image, ':signParts'),
        { partNumbers: [1] },
        allowed,
      );
      if (reply.status !== 200) return `${image.id} ${reply.status}`;
      const status = await putPart(reply.body.parts[0]!, image.accepted ? smallDisk : brokenDisk).catch(
        () => 0,
      );
      if (status === 200) image.sent = true;
      return `${image.id} ${status}`;
    },
  },
  {
    name: 'complete',
    weight: 16,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING');
      if (image === undefined) return undefined;
      const allowed = only(image, 'AWAITING') ? [image.sent ? 200 : 400] : [200, 400, 404];
      const reply = await soak.call('POST', pathOf(image, ':completeUpload'), {}, allowed);
      if (reply.status === 200) {
        image.may = new Set([...image.may].map((state) => (state === 'AWAITING' ? 'JUDGING' : state)));
      } else if (isUnknown(reply)) image.may = new Set([...image.may, 'JUDGING']);
      return `${image.id} ${reply.status}`;
    },
  },
  {
    name: 'abort',
    weight: 3,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING', 'JUDGING');
      if (image === undefined) return undefined;
      const allowed = only(image, 'AWAITING') ? [200] : [200, 400, 404];
      const reply = await soak.call('POST', pathOf(image, ':abortUpload'), undefined, allowed);
      if (reply.status === 200 || isUnknown(reply)) ended(image, reply);
      return `${image.id} ${reply.status}`;
    },
  },
  {
    name: 'cancel',
    weight: 3,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING', 'JUDGING');
      if (image === undefined) return undefined;
      const allowed = only(image, 'AWAITING') ? [200] : [200, 400];
      const reply = await soak.call('POST', `/operations/${image.operationId}:cancel`, undefined, allowed);
      if (reply.status === 200 || isUnknown(reply)) ended(image, reply);
      return `${image.id} ${reply.status}`;
    },
  },
  {
    name: 'create by known digest',
    weight: 5,
    async run(soak) {
      const { registry } = soak;
      const [known] = await registry.sql<{ digest: string }>(
        `SELECT digest FROM layers WHERE state = 'VERIFIED' AND digest IS NOT NULL AND size_bytes = ?
          AND id IN (SELECT layer_id FROM images WHERE status = 'READY') LIMIT 1`,
        smallDisk.length,
      );
      if (known === undefined) return undefined;
      const sha256 = known.digest.replace('sha256:', '');
      const upload = { size: String(smallDisk.length), sha256 };
      return await createImage(soak, { upload }, roomStatuses(soak), 'AWAITING');
    },
  },
  {
    name: 'create by link',
    weight: 3,
    async run(soak) {
      const source = anyImage(soak, 'READY');
      if (source === undefined || !only(source, 'READY')) return undefined;
      const { body } = await soak.call<{ url: string }>(
        'GET',
        pathOf(source, ':download'),
        undefined,
        [200],
        {
          Accept: 'application/json',
        },
      );
      if (body.url === undefined) return 'no link';
      return await createImage(soak, { uri: body.url }, roomStatuses(soak), 'JUDGING');
    },
  },
  {
    name: 'create from image',
    weight: 6,
    async run(soak) {
      const source = anyImage(soak, 'READY', 'JUDGING', 'TRASHED', 'PURGED');
      if (source === undefined) return undefined;
      const statuses = await sourceStatuses(soak, source);
      const room = roomStatuses(soak);
      const allowed = [...statuses.filter((status) => status !== 200), ...room];
      return `of ${source.id}: ${await createImage(soak, { imageId: source.id }, statuses.includes(200) ? allowed : statuses, 'JUDGING')}`;
    },
  },
  {
    name: 'create from volume',
    weight: 3,
    async run(soak) {
      const kind = soak.random.pick(['disk', 'snapshot'] as const);
      const [source] = volumes(soak, kind, 'READY');
      if (source === undefined) return undefined;
      const body = kind === 'disk' ? { diskId: source.id } : { snapshotId: source.id };
      return `of ${source.id}: ${await createImage(soak, body, roomStatuses(soak), 'JUDGING')}`;
    },
  },
  {
    name: 'copy to disk',
    weight: 6,
    async run(soak) {
      const source = anyImage(soak, 'READY');
      if (source === undefined || !only(source, 'READY')) return undefined;
      const [row] = await soak.registry.sql<{ least: number }>(
        'SELECT min_disk_size AS least FROM images WHERE id = ?',
        source.id,
      );
      const size = String(Math.max(CHUNK, row?.least ?? 0));
      const body = { zoneId: 'ru-central1-a', size, imageId: source.id };
      return await createVolume(soak, 'disk', body, await sourceStatuses(soak, source));
    },
  },
  {
    name: 'snapshot',
    weight: 4,
    async run(soak) {
      const [disk] = volumes(soak, 'disk', 'READY');
      return disk && (await createVolume(soak, 'snapshot', { diskId: disk.id }, [200]));
    },
  },
  {
    name: 'delete volume',
    weight: 6,
    async run(soak) {
      const kind = soak.random.pick(['disk', 'snapshot'] as const);
      const found = volumes(soak, kind, 'READY', 'CREATING', undefined);
      if (found.length === 0) return undefined;
      const volume = soak.random.pick(found);
      const path = `${kind === 'disk' ? DISKS : SNAPSHOTS}/${volume.id}`;
      const allowed = volume.state === 'READY' ? [200] : [200, 400, 404];
      const reply = await soak.call('DELETE', path, undefined, allowed);
      if (reply.status === 200) volume.state = 'GONE';
      else if (isUnknown(reply)) volume.state = undefined;
      if (volume.state === 'GONE') soak.world.volumes.delete(volume.id);
      return `${volume.id} ${reply.status}`;
    },
  },
  {
    name: 'promote',
    weight: 6,
    async run(soak) {
      const image = anyImage(soak, 'READY', 'AWAITING', 'TRASHED');
      if (image === undefined) return undefined;
      // A deprecated one is refused as well.
      const allowed = [...readyStatuses(image), 400];
      const reply = await soak.call('POST', pathOf(image, ':promote'), { note: 'soak' }, allowed);
      return `${image.id} ${reply.status}`;
    },
  },
  {
    name: 'roll back',
    weight: 4,
    async run(soak) {
      const family = soak.random.pick(FAMILIES);
      const reply = await soak.call('POST', `${FAMILY}/${family}:rollback`, {}, [200, 400, 404]);
      return `${family} ${reply.status}`;
    },
  },
  {
    name: 'deprecate',
    weight: 8,
    async run(soak) {
      const { random } = soak;
      const image = anyImage(soak, 'READY', 'AWAITING', 'TRASHED');
      if (image === undefined) return undefined;
      const state = random.pick(['ACTIVE', 'DEPRECATED', 'OBSOLETE'] as const);
      const ahead = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();
      const hasDates = random.chance(0.5);
      const body = {
        state,
        ...(hasDates && state === 'ACTIVE' && { deprecateAt: ahead(1) }),
        ...(hasDates && state !== 'OBSOLETE' && { obsoleteAt: ahead(1) }),
        ...(hasDates && random.chance(0.5) && { deleteAt: ahead(1) }),
      };
      const reply = await soak.call('POST', pathOf(image, ':deprecate'), body, readyStatuses(image));
      return `${image.id} ${JSON.stringify(body)} ${reply.status}`;
    },
  },
  {
    name: 'dates come',
    weight: 3,
    async run(soak) {
      const { registry, world } = soak;
      const moved = await registry.sql<{ id: string; deleteAt: number | null }>(
        `UPDATE images SET deprecate_at = deprecate_at - ?1, obsolete_at = obsolete_at - ?1, delete_at = delete_at - ?1
          WHERE deprecate_at > ?2 OR obsolete_at > ?2 OR delete_at > ?2 RETURNING id, delete_at AS deleteAt`,
        2 * HOUR_MS,
        Date.now(),
      );
      for (const { id, deleteAt } of moved) {
        const image = world.images.get(id);
        if (image !== undefined && deleteAt !== null) image.deletable = true;
      }
      return `of ${moved.length} images`;
    },
  },
  {
    name: 'set retention',
    weight: 2,
    async run(soak) {
      const family = soak.random.pick(FAMILIES);
      const action = soak.random.pick(['DELETE', 'DEPRECATE'] as const);
      const body = { keepLast: '3', action, minAge: '0s' };
      const { status } = await soak.call('POST', `${FAMILY}/${family}:setRetention`, body, [200, 404]);
      if (status === 200 || status === 503) {
        soak.world.ruled.add(family);
        for (const image of soak.world.images.values()) if (image.family === family) image.deletable = true;
      }
      await soak.registry.sql('UPDATE families SET next_run_at = 1000 WHERE next_run_at IS NOT NULL');
      return `${action} in ${family} ${status}`;
    },
  },
  {
    name: 'lease',
    weight: 6,
    async run(soak) {
      const image = anyImage(soak, 'READY', 'AWAITING', 'TRASHED');
      if (image === undefined) return undefined;
      const holder = soak.random.pick(HOLDERS);
      const reply = await soak.call(
        'POST',
        pathOf(image, ':lease'),
        { holder, ttl: '3600s' },
        readyStatuses(image),
      );
      if (reply.status === 200) image.leases.add(holder);
      return `${image.id} for ${holder} ${reply.status}`;
    },
  },
  {
    name: 'release',
    weight: 4,
    async run(soak) {
      const leased = [...soak.world.images.values()].filter(({ leases }) => leases.size > 0);
      if (leased.length === 0) return undefined;
      const image = soak.random.pick(leased);
      const holder = soak.random.pick(HOLDERS);
      const allowed =
        only(image, 'READY') && !image.uncertain ? [image.leases.has(holder) ? 200 : 404] : [200, 404];
      const reply = await soak.call('POST', pathOf(image, ':releaseLease'), { holder }, allowed);
      if (reply.status === 200) image.leases.delete(holder);
      return `${image.id} of ${holder} ${reply.status}`;
    },
  },
  {
    name: 'leases run out',
    weight: 2,
    async run(soak) {
      await soak.registry.sql('UPDATE leases SET expires_at = 1000');
      for (const image of soak.world.images.values()) image.leases.clear();
      return 'all';
    },
  },
  {
    name: 'protect',
    weight: 6,
    async run(soak) {
      const image = anyImage(soak, 'READY');
      if (image === undefined) return undefined;
      const deleteProtection = soak.random.chance(0.3);
      const body = { updateMask: 'deleteProtection', deleteProtection };
      const reply = await soak.call('PATCH', pathOf(image), body, readyStatuses(image));
      if (reply.status === 200) image.deleteProtection = deleteProtection;
      else if (isUnknown(reply)) image.uncertain = true;
      return `${image.id} ${deleteProtection} ${reply.status}`;
    },
  },
  {
    name: 'delete',
    weight: 14,
    async run(soak) {
      const { random } = soak;
      const image = anyImage(soak, 'READY', 'JUDGING', 'AWAITING', 'TRASHED', 'PURGED');
      if (image === undefined) return undefined;
      const [purge, force] = [random.chance(0.15), random.chance(0.2)];
      const query = `?${new URLSearchParams({ ...(purge && { purge: 'true' }), ...(force && { force: 'true' }) })}`;
      const isCopied = volumes(soak, 'disk', undefined, 'CREATING').length > 0;
      const isFree = !image.deleteProtection && (image.leases.size === 0 || force);
      const allowed: number[] = [];
      if (some(image, 'AWAITING', 'JUDGING')) allowed.push(200);
      if (some(image, 'JUDGING')) allowed.push(400, 404);
      if (some(image, 'READY')) allowed.push(...(isFree ? [200] : [400]), ...(isCopied ? [400] : []));
      if (image.uncertain) allowed.push(200, 400);
      if (some(image, 'TRASHED')) allowed.push(purge ? 200 : 404);
      if (some(image, 'PURGED', 'GONE')) allowed.push(404);
      if (image.deletable) allowed.push(404);
      const reply = await soak.call('DELETE', pathOf(image) + query, undefined, allowed);
      const to = (state: ImageState): ImageState[] => {
        if (state === 'READY') return purge ? ['PURGED', 'GONE'] : ['TRASHED'];
        if (state === 'TRASHED') return ['PURGED', 'GONE'];
        return state === 'JUDGING' ? ['GONE', purge ? 'PURGED' : 'TRASHED'] : ['GONE'];
      };
      const after = [...image.may].flatMap(to);
      if (reply.status === 200) image.may = new Set(after);
      else if (isUnknown(reply)) {
        image.may = new Set([...image.may, ...after]);
      }
      return `${image.id} ${query} ${reply.status}`;
    },
  },
  {
    name: 'undelete',
    weight: 6,
    async run(soak) {
      const image = anyImage(soak, 'TRASHED', 'PURGED');
      if (image === undefined) return undefined;
      const room = roomStatuses(soak);
      const allowed = only(image, 'TRASHED') ? room : [...room, 400, 404];
      const reply = await soak.call('POST', pathOf(image, ':undelete'), {}, allowed);
      if (reply.status === 200) image.may = new Set(['READY']);
      else if (isUnknown(reply)) image.may = new Set([...image.may, 'READY']);
      return `${image.id} ${reply.status}`;
    },
  },
  {
    name: 'trash is due',
    weight: 3,
    async run(soak) {
      const image = anyImage(soak, 'TRASHED');
      if (image === undefined) return undefined;
      await soak.registry.sql(
        'UPDATE deleted_images SET purge_at = 1000 WHERE id = ? AND purged_at IS NULL',
        image.id,
      );
      image.may = new Set([...image.may, 'PURGED', 'GONE']);
      await tick(soak);
      return image.id;
    },
  },
  {
    name: 'upload is too late',
    weight: 2,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING');
      if (image === undefined) return undefined;
      await soak.registry.sql(
        "UPDATE uploads SET expires_at = 1000 WHERE image_id = ? AND state = 'OPEN'",
        image.id,
      );
      image.may = new Set([...image.may, 'GONE']);
      await tick(soak);
      return image.id;
    },
  },
  {
    name: 'clean up',
    weight: 6,
    async run(soak) {
      await tick(soak);
      return 'a tick';
    },
  },
  {
    name: 'deliver again',
    weight: 4,
    async run(soak) {
      // What somebody is at work on is given to another worker as well.
      const freed = await soak.registry.sql(
        "UPDATE jobs SET lease_until = 0, run_after = 0 WHERE state <> 'DEAD' RETURNING id",
      );
      await Promise.all([tick(soak), tick(soak)]);
      return `${freed.length} jobs`;
    },
  },
  {
    name: 'break the store',
    weight: 8,
    async run(soak) {
      soak.heal();
      const kind = soak.random.pick(FAULTS);
      const operations = soak.random.pick(BROKEN);
      const times = 1 + soak.random.below(4);
      soak.fault = soak.registry.proxy.inject(kind, { operations, times });
      return `${kind} ${operations.join(', ')}, ${times} times`;
    },
  },
  {
    name: 'mend the store',
    weight: 5,
    async run(soak) {
      if (soak.fault === undefined) return undefined;
      soak.heal();
      return 'all';
    },
  },
  {
    name: 'restart',
    weight: 1,
    async run(soak) {
      await soak.registry.own.restart();
      return 'done';
    },
  },
  {
    name: 'kill',
    weight: 1,
    async run(soak) {
      const image = anyImage(soak, 'AWAITING', 'READY');
      const afterMs = soak.random.below(40);
      soak.isKilling = true;
      try {
        const under = image === undefined ? undefined : underWay(soak, image);
        await delay(afterMs);
        await killAndStart(soak);
        await under;
      } finally {
        soak.isKilling = false;
      }
      return `after ${afterMs} ms, ${image?.id ?? 'nothing'} under way`;
    },
  },
];

/** A call of which it is not known whether it came through. */
async function underWay(soak: Soak, image: ImageModel): Promise<void> {
  const completes = some(image, 'AWAITING');
  const before = [...image.may];
  image.may = new Set([
    ...before,
    ...(completes ? (['JUDGING'] as const) : isHeld(image) ? [] : (['TRASHED'] as const)),
  ]);
  const any = [200, 400, 404, 500, 503];
  if (completes) await soak.call('POST', pathOf(image, ':completeUpload'), {}, any);
  else await soak.call('DELETE', pathOf(image), undefined, any);
}
