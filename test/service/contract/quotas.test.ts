/** Quotas: refused past the limit, reserved while a creation runs, given back at its end; read and asked for. */
import { describe, expect, test } from 'vitest';
import { Client, detailOf, type Fields, IMAGES, imageIdOf, type Operation } from '../client.ts';
import { emptyDisk, sample } from '../disks.ts';
import { startOwn } from '../setup/registry.ts';
import { newTenant, quotaUse, setLimit, type Tenant } from '../tenant.ts';

const { local, key } = await startOwn();
const bytes = await emptyDisk();

interface Violation {
  readonly metric: { readonly name: string; readonly limit: string; readonly usage: number };
  readonly required: string;
}

const create = ({ api, folderId }: Tenant, fields: Fields = {}) =>
  api.create({ folderId, upload: { size: 1 }, ...fields });
const useOf = async ({ cloudId }: Tenant) => {
  const use = await quotaUse(local, cloudId);
  return [use['compute.images.count'], use['compute.images.size'], use['compute.diskPools.count']];
};

/** Refused past a quota; answers what the details say of it. */
async function overQuota({ api, folderId }: Tenant, fields: Fields = {}): Promise<readonly Violation[]> {
  const refused = await api.refused('POST', IMAGES, { folderId, upload: { size: 1 }, ...fields });
  expect(refused).toMatchObject({ status: 429, code: 8 });
  return detailOf<{ violations: Violation[] }>(refused, 'yandex.cloud.quota.QuotaFailure')!.violations;
}

describe('the number of images', () => {
  test('A139 past its limit is refused, and nothing is made', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.count': 2 } });
    await create(tenant);
    await create(tenant, { folderId: tenant.otherFolderId });
    const operations = `/compute/v1/operations?folderId=${tenant.folderId}`;
    const before = await tenant.api.send('GET', operations);
    expect(await overQuota(tenant)).toEqual([
      { metric: { name: 'compute.images.count', limit: '2', usage: 2 }, required: '3' },
    ]);
    expect((await tenant.api.send('GET', operations)).text).toBe(before.text);
    expect(await tenant.api.images(tenant.folderId)).toHaveLength(1);
    expect(await useOf(tenant)).toEqual([2, 2, 0]);
  });

  test('A139 is exact whatever is asked for at once', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.count': 3 } });
    const body = { folderId: tenant.folderId, upload: { size: 1 } };
    const answers = await Promise.all(Array.from({ length: 9 }, () => tenant.api.send('POST', IMAGES, body)));
    const made = answers.filter(({ status }) => status === 200).length;
    expect(made).toBeLessThanOrEqual(3);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(await useOf(tenant)).toEqual([made, made, 0]);
    expect(made).toBe(3);
  });

  test('A142 goes down by one with each deletion', async () => {
    const tenant = await newTenant(local);
    const ready = await tenant.api.ready(bytes, { folderId: tenant.folderId });
    const creating = imageIdOf(await create(tenant));
    expect(await useOf(tenant)).toEqual([2, bytes.length + 1, 0]);
    await tenant.api.call('DELETE', `${IMAGES}/${creating}`);
    expect(await useOf(tenant)).toEqual([1, bytes.length, 0]);
    await tenant.api.call('DELETE', `${IMAGES}/${ready.id}`);
    expect(await useOf(tenant)).toEqual([0, bytes.length, 0]);
    await tenant.api.call('DELETE', `${IMAGES}/${ready.id}?purge=true`);
    expect(await useOf(tenant)).toEqual([0, 0, 0]);
  });

  test('is 32 in a new cloud', async () => {
    const tenant = await newTenant(local);
    await Promise.all(Array.from({ length: 32 }, () => create(tenant)));
    expect(await overQuota(tenant)).toMatchObject([{ metric: { limit: '32', usage: 32 } }]);
  });

  test('may lie above a limit that was lowered; only new use is refused then', async () => {
    const tenant = await newTenant(local);
    const image = await tenant.api.ready(bytes, { folderId: tenant.folderId });
    await setLimit(local, tenant.cloudId, 'compute.images.count', 0);
    expect(await overQuota(tenant)).toMatchObject([{ metric: { limit: '0', usage: 1 }, required: '2' }]);
    await tenant.api.call('PATCH', `${IMAGES}/${image.id}`, { updateMask: 'name', name: 'kept' });
    await tenant.api.call('DELETE', `${IMAGES}/${image.id}`);
  });
});

describe('the bytes of images', () => {
  test('are reserved by the declared size, and given back when the disk is refused', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.size': 5 * 2 ** 20 } });
    const zeros = await sample('zeros.img');
    const creation = await create(tenant, { upload: { size: zeros.length } });
    expect(await useOf(tenant)).toEqual([1, zeros.length, 0]);
    expect(await overQuota(tenant, { upload: { size: 2 ** 20 + 1 } })).toEqual([
      {
        metric: { name: 'compute.images.size', limit: String(5 * 2 ** 20), usage: zeros.length },
        required: String(zeros.length + 2 ** 20 + 1),
      },
    ]);
    await tenant.api.sendParts(imageIdOf(creation), 1, zeros);
    await tenant.api.complete(imageIdOf(creation));
    expect((await tenant.api.finished(creation)).error?.code).toBe(3);
    expect(await useOf(tenant)).toEqual([0, 0, 0]);
  });

  test('are 1 TiB in a new cloud, and several quotas are told at once', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.images.count': 0 } });
    const violations = await overQuota(tenant, { pooled: true, upload: { size: 2 ** 40 + 1 } });
    expect(violations.map(({ metric, required }) => [metric.name, metric.limit, required])).toEqual([
      ['compute.images.count', '0', '1'],
      ['compute.images.size', String(2 ** 40), String(2 ** 40 + 1)],
      ['compute.diskPools.count', '0', '1'],
    ]);
  });
});

describe('optimized images', () => {
  const POOLED = { pooled: true, upload: { size: 1 } };

  test('A140 are refused in a new cloud', async () => {
    const violations = await overQuota(await newTenant(local), POOLED);
    expect(violations.map(({ metric }) => metric.name)).toEqual(['compute.diskPools.count']);
  });

  test('A141 are as many as the limit says', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.diskPools.count': 1 } });
    const pooled = () => tenant.api.ready(bytes, { folderId: tenant.folderId, pooled: true });
    const first = await pooled();
    expect(first).toMatchObject({ status: 'READY', pooled: true });
    expect(await useOf(tenant)).toEqual([1, bytes.length, 1]);
    await overQuota(tenant, POOLED);
    await tenant.api.call('DELETE', `${IMAGES}/${first.id}`);
    expect((await pooled()).pooled).toBe(true);
  });

  test('give their pool back when their disk is refused', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.diskPools.count': 1 } });
    const zeros = await sample('zeros.img');
    const fields = { folderId: tenant.folderId, pooled: true };
    const refused = await tenant.api.finished(await tenant.api.push(zeros, fields));
    expect(refused.error?.code).toBe(3);
    expect(await useOf(tenant)).toEqual([0, 0, 0]);
  });

  test('are refused at the verdict when the limit was lowered meanwhile', async () => {
    const tenant = await newTenant(local, { limits: { 'compute.diskPools.count': 1 } });
    const creation = await create(tenant, { pooled: true, upload: { size: bytes.length } });
    await setLimit(local, tenant.cloudId, 'compute.diskPools.count', 0);
    await tenant.api.sendParts(imageIdOf(creation), 1, bytes);
    await tenant.api.complete(imageIdOf(creation));
    const ended = await tenant.api.finished(creation);
    expect(ended.error).toMatchObject({ code: 8 });
    expect(detailOf(ended.error!, 'yandex.cloud.quota.QuotaFailure')).toMatchObject({
      violations: [{ metric: { name: 'compute.diskPools.count', limit: '0', usage: 0 }, required: '1' }],
    });
    expect(await useOf(tenant)).toEqual([0, 0, 0]);
  });
});

describe('the Quota Manager', async () => {
  const LIMITS = '/quota-manager/v1/quotaLimits';
  const REQUESTS = '/quota-manager/v1/quotaRequests';
  const { api, cloudId } = await newTenant(local);
  const ofCloud = `resource.id=${cloudId}&resource.type=resource-manager.cloud`;
  const resource = { id: cloudId, type: 'resource-manager.cloud' };
  const pools = 'compute.diskPools.count';
  const ask = () =>
    api.call<Operation>('POST', REQUESTS, {
      resource,
      desired_quota_limits: [{ quota_id: pools, desired_limit: '5' }],
    });
  const request = (id: unknown) => api.get<Fields>(`${REQUESTS}/${id}`);

  test('A143 shows a limit and its use', async () => {
    expect(await api.get(`${LIMITS}/compute.images.count?${ofCloud}`)).toEqual({
      quotaId: 'compute.images.count',
      limit: 32,
      usage: 0,
    });
  });

  test('A144 lists every quota', async () => {
    const list = await api.get<{ quotaLimits: { quotaId: string; limit: number; usage: number }[] }>(
      `${LIMITS}?${ofCloud}&service=compute`,
    );
    expect(list).toMatchObject({ resource });
    const limits = Object.fromEntries(list.quotaLimits.map(({ quotaId, limit }) => [quotaId, limit]));
    const gib = 2 ** 30;
    expect(limits).toMatchObject({
      'compute.images.count': 32,
      'compute.images.size': 1024 * gib,
      'compute.diskPools.count': 0,
      'compute.disks.count': 32,
      'compute.hddDisks.size': 500 * gib,
      'compute.ssdDisks.size': 200 * gib,
      'compute.ssdNonReplicatedDisks.size': 558 * gib,
      'compute.ssdIOM3Disks.size': 186 * gib,
      'compute.diskPlacementGroups.count': 5,
      'compute.snapshots.count': 32,
      'compute.snapshots.size': 400 * gib,
      'compute.snapshotSchedules.count': 32,
      'compute.instances.count': 12,
      'compute.instanceCores.count': 32,
      'compute.instanceMemory.size': 128 * gib,
    });
    for (const { usage } of list.quotaLimits) expect(usage).toBe(0);
  });

  test('A145 takes a request', async () => {
    const operation = await ask();
    expect(operation).toMatchObject({
      done: false,
      metadata: {
        '@type': 'type.googleapis.com/yandex.cloud.quotamanager.v1.CreateQuotaRequestMetadata',
        quotaRequestId: expect.any(String),
      },
    });
    expect(await request(operation.metadata.quotaRequestId)).toMatchObject({
      resource,
      status: 'PENDING',
      quotaLimits: [{ quotaId: pools, desiredLimit: 5, status: 'PENDING' }],
    });
  });

  test('A146 cancels a request', async () => {
    const id = (await ask()).metadata.quotaRequestId;
    const operation = await api.call<Operation>('POST', `${REQUESTS}/${id}/cancel`, { quotaIds: [pools] });
    expect(operation).toMatchObject({
      done: true,
      metadata: {
        '@type': 'type.googleapis.com/yandex.cloud.quotamanager.v1.CancelQuotaRequestMetadata',
        quotaRequestId: id,
      },
    });
    expect(await request(id)).toMatchObject({ status: 'CANCELED', quotaLimits: [{ status: 'CANCELED' }] });
  });

  test('A147 lists requests by their status', async () => {
    const id = (await ask()).metadata.quotaRequestId;
    const listed = async (filter: string) => {
      const path = `${REQUESTS}?${ofCloud}&filter=${encodeURIComponent(filter)}`;
      const { quotaRequests = [] } = await api.get<{ quotaRequests?: { id: string; status: string }[] }>(
        path,
      );
      return quotaRequests;
    };
    const open = await listed("status in ('PENDING')");
    expect(open.map((one) => one.id)).toContain(id);
    expect(new Set(open.map(({ status }) => status))).toEqual(new Set(['PENDING']));
    const both = await listed("status in ('CANCELED','PENDING')");
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set(['CANCELED', 'PENDING']));
    expect(await listed("status = 'PROCESSED'")).toEqual([]);
  });

  test('is nothing to the administrator of another organization', async () => {
    const other = new Client(local.url, key);
    const id = (await ask()).metadata.quotaRequestId;
    const calls: [string, string, Fields?][] = [
      ['GET', `${LIMITS}/${pools}?${ofCloud}`],
      ['PATCH', `${LIMITS}/${pools}`, { resource, limit: 5 }],
      ['GET', `${REQUESTS}/${id}`],
      ['POST', `${REQUESTS}/${id}:approve`],
      ['POST', `${REQUESTS}/${id}:reject`],
    ];
    for (const [method, path, body] of calls) {
      expect(await other.refused(method, path, body)).toMatchObject({ status: 404, code: 5 });
    }
    expect(await request(id)).toMatchObject({ status: 'PENDING' });
  });
});
