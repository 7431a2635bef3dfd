/** Quotas read, asked for, approved and set, as a tenant and as the administrator of its organization. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { QUOTA_IDS, QUOTAS } from '../../core/quotas.ts';
import type { quotaLimit, quotaLimitList } from '../../schema/wire/quota-manager/quota-limit.ts';
import type { quotaRequest, quotaRequestList } from '../../schema/wire/quota-manager/quota-request.ts';
import {
  CLOUDS,
  done,
  grant,
  newCloud,
  newFolder,
  newKey,
  newPerson,
  operator,
  type Person,
  toAccount,
} from './api-tenant.ts';
import { Client, detailOf, type Fields, IMAGES, imageIdOf, type Operation, TYPE } from './client.ts';
import { emptyDisk, sample } from './disks.ts';

type QuotaLimit = z.infer<typeof quotaLimit>;
type QuotaLimitList = z.infer<typeof quotaLimitList>;
type QuotaRequest = z.infer<typeof quotaRequest>;
type QuotaRequestList = z.infer<typeof quotaRequestList>;

const LIMITS = '/quota-manager/v1/quotaLimits';
const REQUESTS = '/quota-manager/v1/quotaRequests';
const CLOUD_TYPE = 'resource-manager.cloud';
const POOLS = 'compute.diskPools.count';
const COUNT = 'compute.images.count';
const SIZE = 'compute.images.size';
const UNKNOWN = 'b1g00000000000000000';

/** A cloud whose owner is the operator, with a folder and an administrator of its own. */
async function newTenant(role = 'admin') {
  const cloudId = (await newCloud()).id;
  const folderId = (await newFolder(cloudId)).id;
  const person = await newPerson(folderId);
  await grant(`${CLOUDS}/${cloudId}`, role, toAccount(person.id));
  return { cloudId, folderId, api: person.api, person };
}

async function newMember({ cloudId, folderId }: { cloudId: string; folderId: string }, role: string) {
  const person: Person = await newPerson(folderId);
  await grant(`${CLOUDS}/${cloudId}`, role, toAccount(person.id));
  return person.api;
}

const search = (cloudId: string, more: Readonly<Record<string, string>> = {}) =>
  `?${new URLSearchParams({ 'resource.id': cloudId, 'resource.type': CLOUD_TYPE, ...more })}`;
const limitPath = (cloudId: string, quotaId: string = POOLS) => `${LIMITS}/${quotaId}${search(cloudId)}`;
const resource = (id: string) => ({ id, type: CLOUD_TYPE });
const wanted = (cloudId: string, limits: Readonly<Record<string, unknown>> = { [POOLS]: 1 }) => ({
  resource: resource(cloudId),
  desiredQuotaLimits: Object.entries(limits).map(([quotaId, desiredLimit]) => ({ quotaId, desiredLimit })),
});
const ask = (api: Client, cloudId: string, limits?: Readonly<Record<string, unknown>>) =>
  api.call<Operation>('POST', REQUESTS, wanted(cloudId, limits));
const idOf = (operation: Operation) => operation.metadata.quotaRequestId as string;
const requested = (api: Client, id: string) => api.get<QuotaRequest>(`${REQUESTS}/${id}`);
const review = (verb: 'approve' | 'reject', id: string, body: Fields = {}, api = operator) =>
  done<QuotaRequest>(api.call<Operation>('POST', `${REQUESTS}/${id}:${verb}`, body));
const cancel = (api: Client, id: string, quotaIds: readonly string[]) =>
  done<QuotaRequest>(api.call<Operation>('POST', `${REQUESTS}/${id}/cancel`, { quotaIds }));
const limitOf = (api: Client, cloudId: string, quotaId: string = POOLS) =>
  api.get<QuotaLimit>(limitPath(cloudId, quotaId));
const statuses = ({ status, quotaLimits }: QuotaRequest) => [status, ...quotaLimits.map((one) => one.status)];

describe('reading limits', async () => {
  const tenant = await newTenant();
  const { api, cloudId, folderId } = tenant;

  test('shows limit and use as numbers, also when they are 0', async () => {
    const answer = await api.send('GET', limitPath(cloudId));
    expect(answer.text).toBe(`{"quotaId":"${POOLS}","limit":0,"usage":0}`);
    const image = imageIdOf(await api.create({ folderId, upload: { size: 1000 } }));
    expect(await limitOf(api, cloudId, SIZE)).toEqual({ quotaId: SIZE, limit: 2 ** 40, usage: 1000 });
    expect(await limitOf(api, cloudId, COUNT)).toMatchObject({ limit: 32, usage: 1 });
    await api.call('DELETE', `${IMAGES}/${image}`);
    expect(await limitOf(api, cloudId, SIZE)).toMatchObject({ usage: 0 });
  });

  test('lists them in the order of the table, a page at a time', async () => {
    const whole = await api.get<QuotaLimitList>(`${LIMITS}${search(cloudId, { service: 'compute' })}`);
    expect(whole).toEqual({
      resource: resource(cloudId),
      quotaLimits: QUOTA_IDS.map((quotaId) => ({
        quotaId,
        limit: QUOTAS[quotaId].defaultLimit,
        usage: 0,
      })),
    });
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page: QuotaLimitList = await api.get(
        `${LIMITS}${search(cloudId, { service: 'compute', page_size: '5', pageToken })}`,
      );
      expect(page.quotaLimits?.length).toBeLessThanOrEqual(5);
      paged.push(...(page.quotaLimits ?? []).map(({ quotaId }) => quotaId));
      pageToken = page.nextPageToken ?? '';
    } while (pageToken !== '');
    expect(paged).toEqual(QUOTA_IDS);
  });

  test('tells which services there are, and takes none of them for a quota', async () => {
    const path = `${LIMITS}/services?resourceType=${CLOUD_TYPE}`;
    expect(await api.get(path)).toEqual({ services: [{ id: 'compute', name: 'Compute' }] });
    expect(await api.get(`${LIMITS}/services?resource_type=${CLOUD_TYPE}`)).toEqual(await api.get(path));
  });

  test('has a version, which changes with limit and use', async () => {
    const path = limitPath(cloudId, COUNT);
    const etag = (await api.send('GET', path)).headers.get('ETag')!;
    const again = await api.send('GET', path, undefined, { headers: { 'If-None-Match': etag } });
    expect([again.status, again.text]).toEqual([304, '']);
    const image = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    expect((await api.send('GET', path)).headers.get('ETag')).not.toBe(etag);
    await api.call('DELETE', `${IMAGES}/${image}`);
  });

  const list = (query: Readonly<Record<string, string>>) => `${LIMITS}?${new URLSearchParams(query)}`;
  const own = { 'resource.id': cloudId, 'resource.type': CLOUD_TYPE };
  test.each<[string, string, number, string[]]>([
    ['without a resource', `${LIMITS}/${COUNT}`, 400, ['resource.id', 'resource.type']],
    [
      'of an organization',
      `${LIMITS}/${COUNT}?resource.id=local&resource.type=organization-manager.organization`,
      400,
      ['resource.type'],
    ],
    [
      'with a long id',
      `${LIMITS}/${COUNT}?resource.id=${'x'.repeat(51)}&resource.type=${CLOUD_TYPE}`,
      400,
      ['resource.id'],
    ],
    ['with a long quota', limitPath(cloudId, 'q'.repeat(65)), 400, ['quota_id']],
    ['of an unknown quota', limitPath(cloudId, 'compute.nothing.count'), 404, []],
    ['of an unknown cloud', limitPath(UNKNOWN), 404, []],
    ['with an unknown parameter', `${limitPath(cloudId)}&cloud=1`, 400, ['cloud']],
    ['a list without its service', list(own), 400, ['service']],
    ['a list of an unknown service', list({ ...own, service: 'vpc' }), 404, []],
    ['a list of long pages', list({ ...own, service: 'compute', pageSize: '1001' }), 400, ['page_size']],
    [
      'a list with a token of another one',
      list({ ...own, service: 'compute', pageToken: 'x'.repeat(2000) }),
      400,
      ['page_token'],
    ],
    [
      'a list with a long token',
      list({ ...own, service: 'compute', pageToken: 'x'.repeat(2001) }),
      400,
      ['page_token'],
    ],
    ['services of nothing', `${LIMITS}/services`, 400, ['resource_type']],
    ['services of another kind', `${LIMITS}/services?resourceType=billing.account`, 400, ['resource_type']],
  ])('is refused %s', async (_, path, status, fields) => {
    expect(await api.refused('GET', path)).toMatchObject({ status, fields });
  });

  test('takes a role that reads quotas, on a cloud that is seen', async () => {
    const viewer = await newMember(tenant, 'quota-manager.viewer');
    expect((await limitOf(viewer, cloudId)).limit).toBe(0);
    const refused = await viewer.refused('POST', REQUESTS, wanted(cloudId));
    expect(refused).toMatchObject({ status: 403, code: 7 });
    const member = await newMember(tenant, 'resource-manager.viewer');
    expect((await member.refused('GET', limitPath(cloudId))).status).toBe(403);
    const blind = await newMember(tenant, 'compute.admin');
    const [hidden, unknown] = [cloudId, UNKNOWN].map((id) => blind.refused('GET', limitPath(id)));
    expect(await hidden).toMatchObject({ status: 404, message: `Cloud "${cloudId}" not found` });
    expect(await unknown).toMatchObject({ status: 404, message: `Cloud "${UNKNOWN}" not found` });
  });
});

describe('asking', () => {
  test('makes a request that stays open until it is settled', async () => {
    const { api, cloudId, person } = await newTenant();
    const operation = await ask(api, cloudId, { [POOLS]: '5', [SIZE]: 2 ** 41 });
    const id = idOf(operation);
    expect(operation).toMatchObject({
      done: false,
      description: 'Create quota request',
      metadata: { '@type': `${TYPE}yandex.cloud.quotamanager.v1.CreateQuotaRequestMetadata` },
    });
    const found = await requested(api, id);
    expect(found).toEqual({
      id,
      resource: resource(cloudId),
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      createdBy: person.id,
      status: 'PENDING',
      quotaLimits: [
        { quotaId: POOLS, desiredLimit: 5, unit: 'count', status: 'PENDING' },
        { quotaId: SIZE, desiredLimit: 2 ** 41, unit: 'bytes', status: 'PENDING' },
      ],
    });
    expect((await api.get<Operation>(`/operations/${operation.id}`)).done).toBe(false);
    expect((await limitOf(api, cloudId)).limit).toBe(0);

    await review('approve', id);
    const ended = await api.get<Operation>(`/operations/${operation.id}`);
    expect(ended).toMatchObject({
      done: true,
      response: { '@type': `${TYPE}yandex.cloud.quotamanager.v1.QuotaRequest`, id, status: 'PROCESSED' },
    });
    const { operations } = await api.get<{ operations: Operation[] }>(`${REQUESTS}/${id}/operations`);
    expect(operations.map(({ description }) => description)).toEqual([
      'Approve quota request',
      'Create quota request',
    ]);
  });

  test('twice under one Idempotency-Key is asking once', async () => {
    const { api, cloudId } = await newTenant();
    const extras = { headers: { 'Idempotency-Key': randomUUID() } };
    const [first, second] = await Promise.all(
      [1, 2].map(() => api.call<Operation>('POST', REQUESTS, wanted(cloudId), extras)),
    );
    expect(second!.id).toBe(first!.id);
    const list = await api.get<QuotaRequestList>(`${REQUESTS}${search(cloudId)}`);
    expect(list.quotaRequests).toHaveLength(1);
    expect((await api.refused('POST', REQUESTS, wanted(cloudId, { [POOLS]: 2 }), extras)).status).toBe(409);
  });

  describe('needs', async () => {
    const tenant = await newTenant();
    const { api, cloudId } = tenant;
    const list = (...desiredQuotaLimits: unknown[]) => ({ resource: resource(cloudId), desiredQuotaLimits });

    test.each<[string, unknown, number]>([
      ['0', 0, 0],
      ['a text', '1001', 1001],
      ['an exponent', '1e3', 1000],
      ['a fraction of nothing', '7.0', 7],
      ['the largest', '9223372036854775807', 2 ** 63],
    ])('a limit: %s', async (_, desiredLimit, shown) => {
      const { quotaLimits } = await requested(api, idOf(await ask(api, cloudId, { [POOLS]: desiredLimit })));
      expect(quotaLimits[0]!.desiredLimit ?? 0).toBe(shown);
    });

    test.each<[string, unknown]>([
      ['less than nothing', -1],
      ['too much', '9223372036854777856'],
      ['a fraction', 1.5],
      ['no number', 'many'],
      ['an empty text', ''],
      ['infinity', 'Infinity'],
      ['true', true],
      ['none', undefined],
    ])('a limit, not %s', async (_, desiredLimit) => {
      const refused = await api.refused('POST', REQUESTS, list({ quotaId: POOLS, desiredLimit }));
      expect(refused).toMatchObject({ status: 400, fields: ['desired_quota_limits[0].desired_limit'] });
    });

    const one = { quotaId: POOLS, desiredLimit: 1 };
    test.each<[string, unknown, number, string[]]>([
      ['a resource', { desiredQuotaLimits: [one] }, 400, ['resource']],
      [
        'a cloud',
        { ...list(one), resource: { id: cloudId, type: 'billing.account' } },
        400,
        ['resource.type'],
      ],
      ['a cloud that there is', { ...list(one), resource: resource(UNKNOWN) }, 404, []],
      ['quotas', { resource: resource(cloudId) }, 400, ['desired_quota_limits']],
      ['a quota', list(), 400, ['desired_quota_limits']],
      ['at most 1000', list(...Array(1001).fill(one)), 400, ['desired_quota_limits']],
      ['each quota once', list(one, { ...one, desiredLimit: 2 }), 400, ['desired_quota_limits[1].quota_id']],
      ['quotas that there are', list({ ...one, quotaId: 'compute.nothing.count' }), 404, []],
    ])('%s', async (_, body, status, fields) => {
      const before = await api.send('GET', `${REQUESTS}${search(cloudId)}`);
      expect(await api.refused('POST', REQUESTS, body)).toMatchObject({ status, fields });
      expect((await api.send('GET', `${REQUESTS}${search(cloudId)}`)).text).toBe(before.text);
    });

    test('a role that asks, and one that sees the cloud', async () => {
      const blind = await newMember(tenant, 'quota-manager.requestOperator');
      expect(await blind.refused('POST', REQUESTS, wanted(cloudId))).toMatchObject({
        status: 404,
        message: `Cloud "${cloudId}" not found`,
      });
      const person = await newPerson(tenant.folderId);
      for (const role of ['quota-manager.requestOperator', 'resource-manager.viewer']) {
        await grant(`${CLOUDS}/${cloudId}`, role, toAccount(person.id));
      }
      const id = idOf(await ask(person.api, cloudId));
      expect(statuses(await cancel(person.api, id, [POOLS]))).toEqual(['CANCELED', 'CANCELED']);
    });
  });
});

describe('the list of requests', async () => {
  const { api, cloudId } = await newTenant();
  const ids = await Promise.all(
    [1, 2, 3, 4].map(async (limit) => idOf(await ask(api, cloudId, { [POOLS]: limit }))),
  );
  await cancel(api, ids[0]!, [POOLS]);
  await review('reject', ids[1]!);
  const list = (query: Readonly<Record<string, string>>) =>
    api.get<QuotaRequestList>(`${REQUESTS}${search(cloudId, query)}`);

  test.each<[string, number[]]>([
    ['', [0, 1, 2, 3]],
    ["status = 'PENDING'", [2, 3]],
    ['status="CANCELED"', [0]],
    ["status in ('CANCELED','PENDING')", [0, 2, 3]],
    ['status IN (PROCESSED)', [1]],
    ["status IN ('PENDING', 'PROCESSED') AND status = 'PROCESSED'", [1]],
    ["status = 'DELETING'", []],
  ])('with the filter %s', async (filter, expected) => {
    const { quotaRequests = [] } = await list({ filter });
    expect(quotaRequests.map(({ id }) => id)).toEqual(expected.map((index) => ids[index]!).sort());
    for (const { quotaLimits } of quotaRequests) expect(quotaLimits).toHaveLength(1);
  });

  test.each([
    "status != 'PENDING'",
    "status NOT IN ('PENDING')",
    "status = 'CANCELLED'",
    "id = 'x'",
    'status',
    `status = '${'x'.repeat(1000)}'`,
  ])('not with the filter %s', async (filter) => {
    const refused = await api.refused('GET', `${REQUESTS}${search(cloudId, { filter })}`);
    expect(refused).toMatchObject({ status: 400, fields: ['filter'] });
  });

  test('comes in pages, each with its quotas', async () => {
    const found: QuotaRequest[] = [];
    let pageToken = '';
    do {
      const page = await list({ pageSize: '3', pageToken });
      found.push(...(page.quotaRequests ?? []));
      pageToken = page.nextPageToken ?? '';
    } while (pageToken !== '');
    expect(found.map(({ id }) => id)).toEqual([...ids].sort());
    expect(found.map(({ quotaLimits }) => quotaLimits.length)).toEqual([1, 1, 1, 1]);
    const { nextPageToken } = await list({ pageSize: '3' });
    const other = await newTenant();
    for (const path of [
      `${REQUESTS}${search(other.cloudId, { pageToken: nextPageToken! })}`,
      `${REQUESTS}${search(other.cloudId, { pageToken: 'x'.repeat(101) })}`,
    ]) {
      expect(await other.api.refused('GET', path)).toMatchObject({ status: 400, fields: ['page_token'] });
    }
  });
});

describe('cancelling', () => {
  test('some quotas leaves the others pending; all of them ends the request', async () => {
    const { api, cloudId } = await newTenant();
    const operation = await ask(api, cloudId, { [POOLS]: 1, [COUNT]: 40 });
    const id = idOf(operation);
    expect(statuses(await cancel(api, id, [COUNT]))).toEqual(['PENDING', 'PENDING', 'CANCELED']);
    expect((await api.get<Operation>(`/operations/${operation.id}`)).done).toBe(false);
    expect(statuses(await cancel(api, id, [POOLS]))).toEqual(['CANCELED', 'CANCELED', 'CANCELED']);
    const ended = await api.get<Operation>(`/operations/${operation.id}`);
    expect(ended).toMatchObject({ done: true, error: { code: 1 } });
    expect(ended.response).toBeUndefined();
    expect(await api.refused('POST', `${REQUESTS}/${id}/cancel`, { quotaIds: [POOLS] })).toMatchObject({
      status: 400,
      code: 9,
    });
    expect(await operator.refused('POST', `${REQUESTS}/${id}:approve`)).toMatchObject({ code: 9 });
  });

  test('what is left after an approval processes the request', async () => {
    const { api, cloudId } = await newTenant();
    const operation = await ask(api, cloudId, { [POOLS]: 1, [COUNT]: 40 });
    const id = idOf(operation);
    const partly = await review('approve', id, { items: [{ quotaId: COUNT }] });
    expect(statuses(partly)).toEqual(['PROCESSING', 'PENDING', 'APPROVED']);
    expect(statuses(await cancel(api, id, [POOLS]))).toEqual(['PROCESSED', 'CANCELED', 'APPROVED']);
    expect(await api.get<Operation>(`/operations/${operation.id}`)).toMatchObject({
      done: true,
      response: { status: 'PROCESSED' },
    });
    expect((await limitOf(api, cloudId, COUNT)).limit).toBe(40);
    expect((await limitOf(api, cloudId)).limit).toBe(0);
  });

  test('the operation of the creation cancels the whole request', async () => {
    const { api, cloudId } = await newTenant();
    const operation = await ask(api, cloudId, { [POOLS]: 1, [COUNT]: 40 });
    const cancelled = await api.call<Operation>('POST', `/operations/${operation.id}:cancel`);
    expect(cancelled).toMatchObject({ id: operation.id, done: true, error: { code: 1 } });
    expect(statuses(await requested(api, idOf(operation)))).toEqual(['CANCELED', 'CANCELED', 'CANCELED']);
    expect(await api.get(`/operations/${operation.id}:cancel`)).toEqual(cancelled);
  });

  test('is for those who may', async () => {
    const tenant = await newTenant();
    const operation = await ask(tenant.api, tenant.cloudId);
    const viewer = await newMember(tenant, 'viewer');
    const body = { quotaIds: [POOLS] };
    const path = `${REQUESTS}/${idOf(operation)}/cancel`;
    expect((await viewer.refused('POST', path, body)).status).toBe(403);
    expect((await viewer.refused('POST', `/operations/${operation.id}:cancel`)).status).toBe(403);
    expect(statuses(await requested(viewer, idOf(operation)))).toEqual(['PENDING', 'PENDING']);
    for (const [quotaIds, fields] of [
      [[], ['quota_ids']],
      [undefined, ['quota_ids']],
      [Array(1001).fill(POOLS), ['quota_ids']],
      [[COUNT], ['quota_ids']],
    ]) {
      expect(await tenant.api.refused('POST', path, { quotaIds })).toMatchObject({ status: 400, fields });
    }
    const unknown = `${REQUESTS}/${UNKNOWN}/cancel`;
    expect((await tenant.api.refused('POST', unknown, body)).status).toBe(404);
  });
});

describe('settling', () => {
  test('approves more, less and as desired, and says so', async () => {
    const { api, cloudId } = await newTenant();
    const id = idOf(await ask(api, cloudId, { [POOLS]: 5, [COUNT]: 50, [SIZE]: 2 ** 41 }));
    const items = [
      { quotaId: POOLS, approvedLimit: 3, message: 'three for now' },
      { quota_id: COUNT, approved_limit: '60' },
    ];
    const partly = await review('approve', id, { items });
    expect(partly.quotaLimits).toMatchObject([
      { approvedLimit: 3, status: 'PARTIAL_APPROVED', message: 'three for now', modifiedBy: 'local-admin' },
      { approvedLimit: 60, status: 'APPROVED' },
      { status: 'PENDING' },
    ]);
    const whole = await review('reject', id, { quotaIds: [SIZE], message: 'delete some first' });
    expect(whole).toMatchObject({ status: 'PROCESSED' });
    expect(whole.quotaLimits[2]).toMatchObject({ status: 'REJECTED', message: 'delete some first' });
    expect(await requested(api, id)).toEqual(whole);
    const limits = [POOLS, COUNT, SIZE].map(async (quotaId) => (await limitOf(api, cloudId, quotaId)).limit);
    expect(await Promise.all(limits)).toEqual([3, 60, 2 ** 40]);
  });

  test('is not for the tenant itself, whatever its role on the cloud', async () => {
    const { api, cloudId } = await newTenant('resource-manager.clouds.owner');
    const id = idOf(await ask(api, cloudId));
    for (const path of [`${REQUESTS}/${id}:approve`, `${REQUESTS}/${id}:reject`]) {
      expect(await api.refused('POST', path)).toMatchObject({ status: 403, code: 7 });
    }
    const body = { resource: resource(cloudId), limit: 5 };
    expect((await api.refused('PATCH', `${LIMITS}/${POOLS}`, body)).status).toBe(403);
    expect(statuses(await requested(api, id))).toEqual(['PENDING', 'PENDING']);
    expect((await limitOf(api, cloudId)).limit).toBe(0);
  });

  test('takes a key that administers', async () => {
    const { api, cloudId } = await newTenant();
    const id = idOf(await ask(api, cloudId));
    const { secret } = await newKey('local-admin', { scopes: ['write'] });
    const writer = new Client(operator.url, secret);
    expect((await writer.refused('POST', `${REQUESTS}/${id}:approve`)).status).toBe(403);
    const body = { resource: resource(cloudId), limit: 5 };
    expect((await writer.refused('PATCH', `${LIMITS}/${POOLS}`, body)).status).toBe(403);
    const own = idOf(await ask(writer, cloudId));
    expect(statuses(await cancel(writer, own, [POOLS]))).toEqual(['CANCELED', 'CANCELED']);
  });

  test.each<[string, string, Fields, string[]]>([
    ['a quota of another request', 'approve', { items: [{ quotaId: COUNT }] }, ['items']],
    ['no quota', 'approve', { items: [] }, ['items']],
    ['a quota twice', 'approve', { items: [{ quotaId: POOLS }, { quotaId: POOLS }] }, ['items[1].quota_id']],
    [
      'a fraction',
      'approve',
      { items: [{ quotaId: POOLS, approvedLimit: 0.5 }] },
      ['items[0].approved_limit'],
    ],
    ['a long reason', 'reject', { message: 'x'.repeat(257) }, ['message']],
    ['another quota', 'reject', { quotaIds: [COUNT] }, ['quota_ids']],
  ])('is refused for %s', async (_, verb, body, fields) => {
    const { api, cloudId } = await newTenant();
    const id = idOf(await ask(api, cloudId));
    expect(await operator.refused('POST', `${REQUESTS}/${id}:${verb}`, body)).toMatchObject({
      status: 400,
      fields,
    });
    expect(statuses(await requested(api, id))).toEqual(['PENDING', 'PENDING']);
  });

  test('happens once, whoever is faster', async () => {
    const { api, cloudId } = await newTenant();
    for (let round = 0; round < 5; round += 1) {
      const operation = await ask(api, cloudId, { [POOLS]: 10 + round });
      const id = idOf(operation);
      const answers = await Promise.all([
        operator.send('POST', `${REQUESTS}/${id}:approve`, {}),
        operator.send('POST', `${REQUESTS}/${id}:reject`, {}),
        api.send('POST', `${REQUESTS}/${id}/cancel`, { quotaIds: [POOLS] }),
        api.send('POST', `/operations/${operation.id}:cancel`),
      ]);
      // Cancelling an operation that has ended is answered with its end.
      expect(answers.slice(0, 3).filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
      const request = await requested(api, id);
      const ended = await api.get<Operation>(`/operations/${operation.id}`);
      expect(ended.done).toBe(true);
      expect(ended.error?.code).toBe(request.status === 'CANCELED' ? 1 : undefined);
      const { limit } = await limitOf(api, cloudId);
      expect(limit === 10 + round).toBe(statuses(request)[1] === 'APPROVED');
    }
  });

  test('ends with its cloud', async () => {
    const { id: cloudId } = await newCloud();
    const operation = await ask(operator, cloudId);
    await done(operator.call('DELETE', `${CLOUDS}/${cloudId}`));
    expect(await operator.get<Operation>(`/operations/${operation.id}`)).toMatchObject({
      done: true,
      error: { code: 1 },
    });
    expect((await operator.refused('GET', `${REQUESTS}/${idOf(operation)}`)).status).toBe(404);
  });
});

describe('setting a limit', () => {
  const set = (cloudId: string, limit: unknown, quotaId: string = COUNT, extras = {}) =>
    operator.call<Operation>('PATCH', `${LIMITS}/${quotaId}`, { resource: resource(cloudId), limit }, extras);

  test('counts at once, also below the use, and then only new use is refused', async () => {
    const { api, cloudId, folderId } = await newTenant();
    const first = imageIdOf(await api.create({ folderId, upload: { size: 1 } }));
    await api.create({ folderId, upload: { size: 1 } });
    expect(await done(set(cloudId, '1'))).toEqual({ quotaId: COUNT, limit: 1, usage: 2 });
    expect(await limitOf(api, cloudId, COUNT)).toEqual({ quotaId: COUNT, limit: 1, usage: 2 });
    const refused = await api.refused('POST', IMAGES, { folderId, upload: { size: 1 } });
    expect(refused).toMatchObject({ status: 429, code: 8 });
    await api.call('DELETE', `${IMAGES}/${first}`);
    expect(await limitOf(api, cloudId, COUNT)).toMatchObject({ limit: 1, usage: 1 });
    await done(set(cloudId, 2));
    await api.create({ folderId, upload: { size: 1 } });
  });

  test('sets a quota that nothing uses, to any number', async () => {
    const { api, cloudId } = await newTenant();
    for (const [limit, shown] of [
      [0, 0],
      [7, 7],
      ['9223372036854775807', 2 ** 63],
    ] as const) {
      await done(set(cloudId, limit, 'compute.instances.count'));
      expect(await limitOf(api, cloudId, 'compute.instances.count')).toMatchObject({
        limit: shown,
        usage: 0,
      });
    }
    expect((await operator.get<Operation>(`${CLOUDS}/${cloudId}`)).id).toBe(cloudId);
  });

  test('with If-Match sets the version that was read, and no other', async () => {
    const { api, cloudId, folderId } = await newTenant();
    const etagOf = async () => (await api.send('GET', limitPath(cloudId, COUNT))).headers.get('ETag')!;
    const old = await etagOf();
    await done(set(cloudId, 40, COUNT, { headers: { 'If-Match': old } }));
    const body = { resource: resource(cloudId), limit: 50 };
    const stale = { headers: { 'If-Match': old } };
    expect((await operator.refused('PATCH', `${LIMITS}/${COUNT}`, body, stale)).status).toBe(412);
    await done(set(cloudId, 41, COUNT, { headers: { 'If-Match': await etagOf() } }));
    const seen = await etagOf();
    await api.create({ folderId, upload: { size: 1 } });
    const used = { headers: { 'If-Match': seen } };
    expect((await operator.refused('PATCH', `${LIMITS}/${COUNT}`, body, used)).status).toBe(412);
    expect(await limitOf(api, cloudId, COUNT)).toMatchObject({ limit: 41, usage: 1 });
  });

  test.each<[string, Fields, number, string[]]>([
    ['without a limit', {}, 400, ['limit']],
    ['below 0', { limit: -1 }, 400, ['limit']],
    ['in fractions', { limit: '2.5' }, 400, ['limit']],
    ['of nothing', { limit: 1, resource: undefined }, 400, ['resource']],
    ['of another kind', { limit: 1, resource: { id: 'x', type: 'billing.account' } }, 400, ['resource.type']],
    ['of an unknown cloud', { limit: 1, resource: resource(UNKNOWN) }, 404, []],
  ])('is refused %s', async (_, body, status, fields) => {
    const refused = await operator.refused('PATCH', `${LIMITS}/${COUNT}`, {
      resource: resource('local'),
      ...body,
    });
    expect(refused).toMatchObject({ status, fields });
  });

  test('is refused for an unknown quota', async () => {
    const body = { resource: resource('local'), limit: 1 };
    expect((await operator.refused('PATCH', `${LIMITS}/services`, body)).status).toBe(404);
  });
});

describe('optimized images', async () => {
  const { api, cloudId, folderId } = await newTenant();
  const bytes = await emptyDisk();
  const pooled = () => api.ready(bytes, { folderId, pooled: true });
  const use = async () => (await limitOf(api, cloudId)).usage;

  async function refusedByLimit(limit: number): Promise<void> {
    const refused = await api.refused('POST', IMAGES, { folderId, pooled: true, upload: { size: 1 } });
    expect(refused).toMatchObject({
      status: 429,
      code: 8,
      message: 'The limit on maximum number of disk pools has exceeded.',
    });
    expect(detailOf(refused, 'yandex.cloud.quota.QuotaFailure')).toMatchObject({
      violations: [{ metric: { name: POOLS, limit: `${limit}`, usage: limit }, required: `${limit + 1}` }],
    });
  }

  test('are asked for, approved, made, deleted and made again', async () => {
    await refusedByLimit(0);
    const operation = await ask(api, cloudId);
    await refusedByLimit(0);
    await review('approve', idOf(operation));
    expect((await api.finished(operation)).response).toMatchObject({
      quotaLimits: [{ quotaId: POOLS, approvedLimit: 1, status: 'APPROVED' }],
    });
    const first = await pooled();
    expect(first).toMatchObject({ status: 'READY', pooled: true });
    await refusedByLimit(1);
    await api.call('DELETE', `${IMAGES}/${first.id}`);
    expect(await use()).toBe(0);
    const second = await pooled();
    // A copy takes a pool of its own only when it is asked for.
    const copy = await done<{ pooled?: boolean }>(api.create({ folderId, imageId: second.id }));
    expect(copy.pooled).toBeUndefined();
    await api.refused('POST', IMAGES, { folderId, imageId: second.id, pooled: true });
    expect(await use()).toBe(1);
    await api.call('DELETE', `${IMAGES}/${second.id}`);
    expect(await use()).toBe(0);
  });

  test('that are refused, or cancelled, give their pool back', async () => {
    const zeros = await sample('zeros.img');
    const refused = await api.finished(await api.push(zeros, { folderId, pooled: true }));
    expect(refused.error?.code).toBe(3);
    expect(await use()).toBe(0);
    const cancelled = await api.create({ folderId, pooled: true, upload: { size: 1 } });
    expect(await use()).toBe(1);
    await api.call('POST', `/operations/${cancelled.id}:cancel`);
    expect(await use()).toBe(0);
  });

  test('are refused at their verdict when the limit went below the use meanwhile', async () => {
    const operation = await api.create({ folderId, pooled: true, upload: { size: bytes.length } });
    await done(operator.call('PATCH', `${LIMITS}/${POOLS}`, { resource: resource(cloudId), limit: 0 }));
    expect(await limitOf(api, cloudId)).toMatchObject({ limit: 0, usage: 1 });
    await api.sendParts(imageIdOf(operation), 1, bytes);
    await api.complete(imageIdOf(operation));
    const { error } = await api.finished(operation);
    expect(error).toMatchObject({ code: 8 });
    expect(detailOf(error!, 'yandex.cloud.quota.QuotaFailure')).toMatchObject({
      violations: [{ metric: { name: POOLS, limit: '0' } }],
    });
    expect(await use()).toBe(0);
    await refusedByLimit(0);
  });
});
