/** What the clock does: its duties, run by hand and by the clock, and what is recorded of that. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { DUTY_NAMES } from '../../registry/duties/duties.ts';
import type { dutyList, maintenanceRun, maintenanceRunList } from '../../schema/wire/maintenance/run.ts';
import { Client, type Fields, IMAGES, imageIdOf, type Operation } from './client.ts';
import { emptyDisk } from './disks.ts';
import { eventually } from './setup/eventually.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant, quotaUse } from './tenant.ts';

type Run = z.infer<typeof maintenanceRun>;

const RUNS = '/maintenance/v1/runs';
const DAY_MS = 86_400_000;

const own = await startOwn({ sweepSeconds: 3_600 });
const { local } = own;
const operator = new Client(local.url, own.key);
const { api, folderId, cloudId } = await newTenant(local, { limits: AMPLE });
const database = await local.database();
const bytes = await emptyDisk();

const run = (duty: string, fields: Fields = {}): Promise<Run> =>
  operator.call('POST', RUNS, { duty, ...fields });
const runs = (query: Readonly<Record<string, string>> = {}) =>
  operator.get<z.infer<typeof maintenanceRunList>>(`${RUNS}?${new URLSearchParams(query)}`);
const sql = async <T>(statement: string, ...values: (string | number)[]) =>
  (
    await database
      .prepare(statement)
      .bind(...values)
      .all<T>()
  ).results;

/** Images that wait for uploads whose time is over. */
async function expiredUploads(count: number): Promise<{ operationId: string; imageId: string }[]> {
  const made = [];
  for (let index = 0; index < count; index += 1) {
    const operation = await api.create({ folderId, upload: { size: bytes.length } });
    made.push({ operationId: operation.id, imageId: imageIdOf(operation) });
  }
  for (const { imageId } of made) {
    await sql('UPDATE uploads SET expires_at = 1000 WHERE image_id = ?', imageId);
  }
  return made;
}
const operation = (id: string) => api.get<{ done: boolean; error?: { code: number } }>(`/operations/${id}`);

describe('the duties', () => {
  test('are listed, each with what it does, in the order in which they run', async () => {
    const { duties } = await operator.get<z.infer<typeof dutyList>>('/maintenance/v1/duties');
    expect(duties.map(({ name }) => name)).toEqual(DUTY_NAMES);
    for (const { description } of duties) expect(description).toMatch(/^[A-Z].*[^.]$/);
  });

  test.each(DUTY_NAMES.map((name) => [name]))(
    '%s tells what it would do and changes nothing',
    async (name) => {
      const told = await run(name, { dryRun: true });
      expect(told).toMatchObject({ duty: name, dryRun: true, more: false });
      expect(told.error).toBeUndefined();
    },
  );

  test('are told of with the last run of each, without its report', async () => {
    await expiredUploads(1);
    const { id } = await run('expire-uploads');
    const { duties } = await operator.get<z.infer<typeof dutyList>>('/maintenance/v1/duties');
    const { lastRun } = duties.find(({ name }) => name === 'expire-uploads')!;
    expect(lastRun).toMatchObject({ id, done: 1, more: false });
    expect(lastRun?.report).toBeUndefined();
  });
});

describe('maintenance is for administrators of the organization', () => {
  test.each([
    ['POST', RUNS, { duty: 'expire-uploads' }],
    ['GET', RUNS, undefined],
    ['GET', '/maintenance/v1/duties', undefined],
  ] as const)('%s %s is refused to the administrator of a cloud', async (method, path, body) => {
    const { status, message } = await api.refused(method, path, body);
    expect(status).toBe(403);
    expect(message).toMatch(/maintenance\.runs\.(create|list) on the organization is needed/);
  });
});

describe('a run that cannot be is refused', () => {
  test.each([
    ['of an unknown duty', { duty: 'sweep' }, 'duty', /there are resend-jobs, /],
    ['of none', {}, 'duty', /is required/],
    ['that applies what a duty does anyway', { duty: 'expire-uploads', apply: true }, 'apply', /only report/],
    ['that applies nothing', { duty: 'reconcile', apply: true, dryRun: true }, 'apply', /dry_run/],
  ])('%s', async (_, body, field, words) => {
    const refusal = await operator.refused('POST', RUNS, body);
    expect([refusal.status, refusal.fields]).toEqual([400, [field]]);
    expect(JSON.stringify(refusal.details)).toMatch(words);
  });

  test('a list of runs of an unknown duty too', async () => {
    expect((await operator.refused('GET', `${RUNS}?duty=sweep`)).fields).toEqual(['duty']);
  });
});

describe('a run', () => {
  test('that is dry tells of what a real one then does', async () => {
    const [upload] = await expiredUploads(1);
    const told = await run('expire-uploads', { dryRun: true });
    expect(told).toMatchObject({ dryRun: true, done: 1, report: [{ imageId: upload!.imageId }] });
    expect((await operation(upload!.operationId)).done).toBe(false);
    const real = await run('expire-uploads');
    expect(real).toMatchObject({ dryRun: false, done: 1, more: false, report: told.report });
    expect((await operation(upload!.operationId)).error?.code).toBe(4);
    expect(await run('expire-uploads')).toMatchObject({ done: 0, more: false });
  });

  test('goes on where the one before stopped, and does each thing once', async () => {
    const made = await expiredUploads(60);
    let done = 0;
    const real: Run[] = [];
    do {
      real.push(await run('expire-uploads'));
      done += real.at(-1)!.done;
    } while (real.at(-1)!.more);
    expect([done, real.length > 1]).toEqual([60, true]);
    const ended = real.flatMap(({ report = [] }) => report.map(({ imageId }) => imageId));
    expect(ended.sort()).toEqual(made.map(({ imageId }) => imageId).sort());
    expect((await quotaUse(local, cloudId))['compute.images.count']).toBe(0);
  });

  test('beside others like it does each thing once', async () => {
    await expiredUploads(10);
    const at = await Promise.all([run('expire-uploads'), run('expire-uploads'), run('expire-uploads')]);
    const ended = at.flatMap(({ report = [] }) => report.map(({ imageId }) => imageId));
    expect([ended.length, new Set(ended).size]).toEqual([10, 10]);
    expect(at.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect((await quotaUse(local, cloudId))['compute.images.count']).toBe(0);
  });
});

describe('the list of runs', () => {
  test('is newest first, page by page, of one duty or of all', async () => {
    const ids = [];
    for (const duty of ['forget-operations', 'resend-jobs', 'forget-operations', 'forget-operations']) {
      ids.unshift((await run(duty, { dryRun: true })).id);
    }
    const all = await runs();
    expect(all.runs?.slice(0, 4).map(({ id }) => id)).toEqual(ids);
    const first = await runs({ duty: 'forget-operations', pageSize: '2' });
    const second = await runs({
      duty: 'forget-operations',
      pageSize: '2',
      pageToken: first.nextPageToken ?? '',
    });
    const paged = [...(first.runs ?? []), ...(second.runs ?? [])];
    expect(paged.slice(0, 3).map(({ id }) => id)).toEqual([ids[0], ids[1], ids[3]]);
    expect(new Set(paged.map(({ duty }) => duty))).toEqual(new Set(['forget-operations']));
    const other = `${RUNS}?${new URLSearchParams({ pageToken: first.nextPageToken ?? '' })}`;
    expect((await operator.refused('GET', other)).fields).toEqual(['page_token']);
  });

  test('has who asked for it, when, and what came of it', async () => {
    const before = Date.now();
    const made = await run('forget-operations', { dryRun: true });
    expect((await runs({ pageSize: '1' })).runs).toEqual([made]);
    expect(made.startedBy).toBe('local-admin');
    expect(Date.parse(made.startedAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(made.endedAt!)).toBeGreaterThanOrEqual(Date.parse(made.startedAt));
  });

  test('has of the clock what did something, and nothing else', async () => {
    await local.runScheduled();
    const [upload] = await expiredUploads(1);
    const byClock = async () =>
      ((await runs()).runs ?? []).filter(({ startedBy }) => startedBy === undefined);
    const before = (await byClock()).map(({ id }) => id);
    await local.runScheduled();
    const fresh = (await byClock()).filter(({ id }) => !before.includes(id));
    const idle = fresh.filter(
      ({ done, more, error, report }) => done === 0 && !more && error === undefined && report === undefined,
    );
    expect(idle).toEqual([]);
    const expired = fresh.filter(({ duty }) => duty === 'expire-uploads');
    expect(expired).toMatchObject([{ dryRun: false, done: 1, report: [{ imageId: upload!.imageId }] }]);
  });

  test('is forgotten after thirty days', async () => {
    const [old, young] = [
      await run('resend-jobs', { dryRun: true }),
      await run('resend-jobs', { dryRun: true }),
    ];
    const startedAt = (days: number, id: string) =>
      sql('UPDATE maintenance_runs SET started_at = ? WHERE id = ?', Date.now() - days * DAY_MS, id);
    await startedAt(31, old.id);
    await startedAt(29, young.id);
    expect(await run('forget-maintenance-runs', { dryRun: true })).toMatchObject({ done: 1 });
    expect(await run('forget-maintenance-runs')).toMatchObject({ done: 1, more: false });
    const left = ((await runs({ pageSize: '1000' })).runs ?? []).map(({ id }) => id);
    expect([left.includes(old.id), left.includes(young.id)]).toEqual([false, true]);
  });
});

describe('a deadline', () => {
  const deadline = async (id: string) =>
    (await sql<{ at: number | null }>('SELECT deadline_at AS at FROM operations WHERE id = ?', id))[0]!.at;

  test('of an upload is its expiry, then a day and what its bytes take', async () => {
    const created = await api.create({ folderId, upload: { size: bytes.length } });
    const imageId = imageIdOf(created);
    const { expiresAt } = created.metadata.upload as { expiresAt: string };
    expect(await deadline(created.id)).toBe(Date.parse(expiresAt));
    await api.sendParts(imageId, 1, bytes);
    await api.complete(imageId);
    await api.finished(created);
    expect(await deadline(created.id)).toBeGreaterThanOrEqual(Date.parse(created.createdAt) + DAY_MS);
    await api.call('DELETE', `${IMAGES}/${imageId}?purge=true`);
  });

  test('that has passed ends a creation, whatever it was at, and leaves nothing of it', async () => {
    const created = await api.create({ folderId, upload: { size: bytes.length } });
    const imageId = imageIdOf(created);
    // As after a fault: the job that would judge it was given up, and the operation runs.
    await sql("UPDATE uploads SET state = 'COMPLETING', parts = '[]' WHERE image_id = ?", imageId);
    await sql(
      `INSERT INTO jobs (id, kind, subject_id, operation_id, state, run_after, attempts, created_at)
        VALUES (?, 'judge-upload', ?, ?, 'DEAD', 0, 9, 0)`,
      `dead-${imageId}`,
      imageId,
      created.id,
    );
    await sql("UPDATE operations SET stage = 'INSPECTING', deadline_at = 1000 WHERE id = ?", created.id);
    const told = await run('end-overdue-operations', { dryRun: true });
    expect(told.report).toEqual([
      { operationId: created.id, operation: 'images.create', resourceId: imageId },
    ]);
    expect((await operation(created.id)).done).toBe(false);
    expect(await run('end-overdue-operations')).toMatchObject({ done: 1, more: false });
    expect((await operation(created.id)).error?.code).toBe(4);
    expect((await api.refused('GET', `${IMAGES}/${imageId}`)).status).toBe(404);
    expect((await quotaUse(local, cloudId))['compute.images.count']).toBe(0);
    expect(await sql('SELECT id FROM jobs WHERE id = ?', `dead-${imageId}`)).toEqual([]);
    expect(await run('end-overdue-operations')).toMatchObject({ done: 0 });
  });

  test('that has passed ends an operation of which nothing else is left', async () => {
    const created = await api.create({ folderId, upload: { size: bytes.length } });
    const imageId = imageIdOf(created);
    await api.call('POST', `${IMAGES}/${imageId}:abortUpload`);
    await sql('UPDATE operations SET done = 0, error = NULL, deadline_at = 1000 WHERE id = ?', created.id);
    expect(await run('end-overdue-operations')).toMatchObject({ done: 1 });
    expect((await operation(created.id)).error?.code).toBe(4);
  });

  test('of the deletion of a folder ends it, and what is left of the folder stands', async () => {
    const FOLDERS = '/resource-manager/v1/folders';
    const made = await api.call<{ metadata: { folderId: string } }>('POST', FOLDERS, {
      cloudId,
      name: 'overdue',
    });
    const path = `${FOLDERS}/${made.metadata.folderId}`;
    await api.create({ folderId: made.metadata.folderId, upload: { size: bytes.length } });
    const deletion = await api.call<{ id: string; done: boolean }>('DELETE', path);
    expect(deletion.done).toBe(false);
    expect(await deadline(deletion.id)).toBeGreaterThan(Date.now() + 7 * DAY_MS);
    for (const status of ['PENDING_DELETION', 'DELETING']) {
      await sql('UPDATE folders SET status = ? WHERE id = ?', status, made.metadata.folderId);
      await sql('UPDATE folders SET deletion_id = ? WHERE id = ?', deletion.id, made.metadata.folderId);
      await sql('UPDATE operations SET done = 0, error = NULL, deadline_at = 1000 WHERE id = ?', deletion.id);
      expect(await run('end-overdue-operations')).toMatchObject({ done: 1 });
      expect((await operation(deletion.id)).error?.code).toBe(4);
      expect(await api.get(path)).toMatchObject({ status: 'ACTIVE' });
    }
  });

  test('of a quota request that nobody answers takes back what is pending of it', async () => {
    const REQUESTS = '/quota-manager/v1/quotaRequests';
    const made = await operator.call<Operation>('POST', '/resource-manager/v1/clouds', {
      organizationId: 'local',
      name: 'unanswered',
    });
    const ask = (...quotaIds: string[]) =>
      operator.call<Operation>('POST', REQUESTS, {
        resource: { id: made.metadata.cloudId, type: 'resource-manager.cloud' },
        desiredQuotaLimits: quotaIds.map((quotaId) => ({ quotaId, desiredLimit: 40_000 })),
      });
    const requestOf = ({ metadata }: Operation) => `${REQUESTS}/${metadata.quotaRequestId}`;
    const unanswered = await ask('compute.diskPools.count');
    const answered = await ask('compute.diskPools.count', 'compute.snapshots.count');
    await operator.call('POST', `${requestOf(answered)}:approve`, {
      items: [{ quotaId: 'compute.snapshots.count' }],
    });
    for (const { id, createdAt } of [unanswered, answered]) {
      expect(await deadline(id)).toBe(Date.parse(createdAt) + 90 * DAY_MS);
      await sql('UPDATE operations SET deadline_at = 1000 WHERE id = ?', id);
    }
    expect(await run('end-overdue-operations')).toMatchObject({ done: 2 });
    expect(await operator.get(`/operations/${unanswered.id}`)).toMatchObject({
      done: true,
      error: { code: 4 },
    });
    expect(await operator.get(`/operations/${answered.id}`)).toMatchObject({
      done: true,
      response: { status: 'PROCESSED' },
    });
    expect(await operator.get(requestOf(unanswered))).toMatchObject({
      status: 'CANCELED',
      quotaLimits: [{ status: 'CANCELED', modifiedBy: 'scheduled' }],
    });
    expect(await operator.get(requestOf(answered))).toMatchObject({
      quotaLimits: [{ status: 'CANCELED' }, { status: 'APPROVED', approvedLimit: 40_000 }],
    });
  });

  test('has every running operation', async () => {
    const count = (await sql('SELECT id FROM operations WHERE done = 0')).length;
    await api.call('POST', '/quota-manager/v1/quotaRequests', {
      resource: { id: cloudId, type: 'resource-manager.cloud' },
      desiredQuotaLimits: [{ quotaId: 'compute.diskPools.count', desiredLimit: 1 }],
    });
    const running = await sql<{ at: number | null }>(
      'SELECT deadline_at AS at FROM operations WHERE done = 0',
    );
    expect(running).toHaveLength(count + 1);
    expect(running.filter(({ at }) => at === null)).toEqual([]);
  });
});

test('a tick that has no budget left goes on in the next one, and no duty waits for ever', async () => {
  const due = Array.from({ length: 40 }, (_, index) => `due-${index}`);
  await database.batch(
    due.map((name) =>
      database
        .prepare(
          `INSERT INTO folders (id, cloud_id, name, labels, created_at, status, delete_at, deletion_id)
            VALUES (?1, ?2, ?1, '{}', 0, 'PENDING_DELETION', 1000, ?1)`,
        )
        .bind(name, cloudId),
    ),
  );
  const uploads = await expiredUploads(60);
  // Both duties find these: the one about uploads, and the one about operations.
  for (const { operationId } of uploads) {
    await sql('UPDATE operations SET deadline_at = 1000 WHERE id = ?', operationId);
  }
  const running = async () =>
    (await sql('SELECT id FROM operations WHERE done = 0 AND deadline_at = 1000')).length;
  const next: string[] = [];
  for (let ticks = 0; ticks < 10 && (await running()) > 0; ticks += 1) {
    await local.runScheduled();
    const [state] = await sql<{ cursor: string | null }>(
      "SELECT cursor FROM duty_states WHERE duty = 'tick'",
    );
    if (state?.cursor) next.push((JSON.parse(state.cursor) as { next: string }).next);
  }
  expect(next.length).toBeGreaterThan(0);
  for (const { operationId } of uploads) expect((await operation(operationId)).error?.code).toBe(4);
  await eventually('the end of the folders', async () => {
    const left = await sql("SELECT id FROM folders WHERE name LIKE 'due-%'");
    return left.length === 0;
  });
});

test('what runs without a deadline gets one by the migration', async () => {
  const upload = await api.create({ folderId, upload: { size: bytes.length } });
  const { id: quotaRequest } = await api.call<Operation>('POST', '/quota-manager/v1/quotaRequests', {
    resource: { id: cloudId, type: 'resource-manager.cloud' },
    desiredQuotaLimits: [{ quotaId: 'compute.diskPools.count', desiredLimit: 40_000 }],
  });
  const made = await api.call<Operation>('POST', '/resource-manager/v1/folders', { cloudId, name: 'to-go' });
  const held = made.metadata.folderId as string;
  await api.create({ folderId: held, upload: { size: bytes.length } });
  const begun = Date.now() - DAY_MS;
  const day = begun + 20 * DAY_MS;
  const deleteAfter = encodeURIComponent(new Date(day).toISOString());
  const { id: deletion } = await api.call<Operation>(
    'DELETE',
    `/resource-manager/v1/folders/${held}?deleteAfter=${deleteAfter}`,
  );
  await database.batch([
    database.prepare('UPDATE operations SET created_at = ?, deadline_at = NULL WHERE done = 0').bind(begun),
    database.prepare('DROP INDEX jobs_subject'),
    database.prepare("DELETE FROM d1_migrations WHERE name LIKE '0005%'"),
  ]);
  await own.restart();
  const { results } = await (await own.local.database())
    .prepare('SELECT id, deadline_at AS at FROM operations WHERE done = 0')
    .all<{ id: string; at: number }>();
  const deadlines = Object.fromEntries(results.map(({ id, at }) => [id, at]));
  expect(deadlines).toMatchObject({
    [upload.id]: begun + 8 * DAY_MS,
    [quotaRequest]: begun + 90 * DAY_MS,
    [deletion]: day + 8 * DAY_MS,
  });
});
