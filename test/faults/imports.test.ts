/** Copies of links that are interrupted: ended from outside, killed, delivered twice, or left by the store. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AbortMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { runningProcess } from '../../dev/processes.ts';
import { eventually } from '../service/setup/eventually.ts';
import { rangeHeaders, SIGNATURE, startFileHost } from '../service/setup/file-host.ts';
import { startOwn, temporaryFolder } from '../service/setup/registry.ts';
import { startEnvironment, startProcess } from '../service/setup/start-process.ts';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, IMAGES, type Operation, openClient } from './setup/client.ts';
import { everything } from './setup/everything.ts';
import { disk, honest, isPart, PART_BYTES } from './setup/files-of-three-parts.ts';

const host = await startFileHost();
const env = {
  BULLION_IMPORT_ORIGINS: host.origin,
  BULLION_TRUSTED_ORIGINS: host.origin,
  BULLION_SOURCE_TIMEOUT_SECONDS: '120',
};
const registry = await startBreakable({
  ...env,
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_UPLOAD_TTL_SECONDS: '60',
});
const { client, proxy, sql, own } = registry;

const OK = 0;
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const DATA_LOSS = 15;

const codeOf = ({ error }: Operation) => error?.code ?? OK;
const pathOf = (imageId: string, verb = '') => `${IMAGES}/${imageId}${verb}`;

let served = 0;
/** A link whose second part is held, each time it is asked for, until it is let go. */
function heldLink() {
  served += 1;
  const path = `/held-${served}`;
  let letGo = false;
  let waiting: (() => void)[] = [];
  const uri = host.serve(
    path,
    honest({
      instead(asked, file) {
        if (letGo || !isPart(asked, 2)) return false;
        const { first, last, response } = asked;
        waiting.push(() => {
          response.writeHead(206, rangeHeaders(file, first!, last!));
          response.end(file.bytes.subarray(first, last! + 1));
        });
        return true;
      },
    }),
  );
  return {
    uri,
    /** How often each part was asked for. */
    asked: () =>
      [1, 2, 3].map(
        (part) =>
          host.requests.filter((request) => {
            const [of, range] = request.split(' ');
            return of === path && range !== '0-0' && Number(range!.split('-')[0]) === (part - 1) * PART_BYTES;
          }).length,
      ),
    reached: () => eventually(`the second part of ${path}`, () => waiting.length > 0),
    letGo() {
      letGo = true;
      for (const answer of waiting) answer();
      waiting = [];
    },
  };
}

async function begin(uri: string, more: Record<string, unknown> = {}): Promise<Operation> {
  return accepted(await client.call('POST', IMAGES, { folderId: 'default', uri, ...more }));
}

/** A creation whose first part is stored and whose second one is on its way. */
async function halfCopied() {
  const link = heldLink();
  const operation = await begin(link.uri);
  await link.reached();
  return { link, operation, imageId: operation.metadata.imageId };
}

async function readyThenDeleted({ id, metadata }: Operation): Promise<void> {
  const ended = await registry.ended(id);
  expect(ended.error).toBeUndefined();
  expect(ended.response?.status).toBe('READY');
  accepted(await client.call('DELETE', pathOf(metadata.imageId)));
  expect(await registry.settledFaults()).toEqual([]);
}

describe('a copy that is under way', () => {
  test('shows how far it is', async () => {
    const { link, operation } = await halfCopied();
    const seen = await client.operation(operation.id);
    expect(seen.metadata).toMatchObject({
      stage: 'COPYING',
      progress: { bytesDone: String(PART_BYTES), bytesTotal: String(disk.length), percent: 47 },
    });
    link.letGo();
    await readyThenDeleted(operation);
  });

  test('keeps its link for itself, and only as long as it needs it', async () => {
    const { link, operation, imageId } = await halfCopied();
    const answers = await Promise.all(
      [pathOf(imageId), `/operations/${operation.id}`, `${IMAGES}?folderId=default`].map((path) =>
        client.call('GET', path),
      ),
    );
    expect(JSON.stringify(answers)).not.toContain(SIGNATURE);
    expect((await everything(await registry.database())).split(SIGNATURE)).toHaveLength(2);
    link.letGo();
    expect((await registry.ended(operation.id)).response?.status).toBe('READY');
    expect(await everything(await registry.database())).not.toContain(SIGNATURE);
    accepted(await client.call('DELETE', pathOf(imageId)));
    expect(await registry.settledFaults()).toEqual([]);
  });

  const verbs: readonly [string, string, unknown][] = [
    ['POST', ':signParts', { partNumbers: [1] }],
    ['GET', ':upload', undefined],
    ['POST', ':completeUpload', {}],
  ];
  test.each(verbs)('is not an upload of the caller: %s %s', async (method, verb, body) => {
    const { link, operation, imageId } = await halfCopied();
    const answer = await client.call<{ code: number; message: string }>(method, pathOf(imageId, verb), body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 9,
      message: expect.stringContaining('The registry itself fetches'),
    });
    link.letGo();
    await readyThenDeleted(operation);
  });

  const ends: readonly [string, number, (operation: Operation) => Promise<unknown>][] = [
    ['cancelling', CANCELLED, ({ id }) => client.call('POST', `/operations/${id}:cancel`)],
    ['deleting', CANCELLED, ({ metadata }) => client.call('DELETE', pathOf(metadata.imageId))],
    ['aborting', CANCELLED, ({ metadata }) => client.call('POST', pathOf(metadata.imageId, ':abortUpload'))],
    [
      'outliving',
      DEADLINE_EXCEEDED,
      async ({ metadata }) => {
        await sql('UPDATE uploads SET expires_at = 1000 WHERE image_id = ?', metadata.imageId);
        await registry.runScheduled();
      },
    ],
  ];
  test.each(ends)('is ended by %s it', async (_, code, end) => {
    const { link, operation, imageId } = await halfCopied();
    await end(operation);
    expect(codeOf(await client.operation(operation.id))).toBe(code);
    expect((await client.call('GET', pathOf(imageId))).status).toBe(404);
    expect(await everything(await registry.database())).not.toContain(SIGNATURE);
    link.letGo();
    expect(await registry.settledFaults()).toEqual([]);
    expect(link.asked()).toEqual([1, 1, 0]);
    expect(codeOf(await client.operation(operation.id))).toBe(code);
  });

  test('is made once, however often its message comes', async () => {
    const { link, operation } = await halfCopied();
    // As if its worker were dead: the message is sent again, while that one works on.
    for (let count = 0; count < 3; count += 1) {
      await sql("UPDATE jobs SET lease_until = 0 WHERE kind = 'import-image'");
      await registry.runScheduled();
    }
    link.letGo();
    await registry.ended(operation.id);
    expect(link.asked()).toEqual([1, 1, 1]);
    await readyThenDeleted(operation);
  });
});

describe('a store that', () => {
  test('does not take a part gets it again, and no other', async () => {
    const link = heldLink();
    link.letGo();
    const outage = proxy.inject('deny', { operations: ['UploadPart'], times: 1 });
    const operation = await begin(link.uri);
    await registry.ended(operation.id);
    expect([outage.hits, link.asked()]).toEqual([1, [2, 1, 1]]);
    await readyThenDeleted(operation);
  });

  test('breaks off in the middle of a copy gets only what is missing', async () => {
    const { link, operation } = await halfCopied();
    const outage = proxy.inject('refuse', { operations: ['UploadPart'], times: 1 });
    link.letGo();
    await registry.ended(operation.id);
    expect([outage.hits, link.asked()]).toEqual([1, [1, 2, 1]]);
    await readyThenDeleted(operation);
  });

  test('forgets an upload ends the creation', async () => {
    const { link, operation, imageId } = await halfCopied();
    const [upload] = await sql<{ storeId: string; key: string }>(
      'SELECT store_upload_id AS storeId, object_key AS key FROM uploads JOIN layers ON layers.id = layer_id WHERE image_id = ?',
      imageId,
    );
    const { store, bucket } = registry.behind;
    await store.send(
      new AbortMultipartUploadCommand({ Bucket: bucket, Key: upload!.key, UploadId: upload!.storeId }),
    );
    link.letGo();
    expect(codeOf(await registry.ended(operation.id))).toBe(DATA_LOSS);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('refuses to join is shown the parts again', async () => {
    const { link, operation, imageId } = await halfCopied();
    const [upload] = await sql<{ storeId: string; key: string }>(
      'SELECT store_upload_id AS storeId, object_key AS key FROM uploads JOIN layers ON layers.id = layer_id WHERE image_id = ?',
      imageId,
    );
    const { store, bucket } = registry.behind;
    const joining = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
    link.letGo();
    await joining.reached();
    // A part is replaced after the list was made: as a worker would that was thought dead.
    await store.send(
      new UploadPartCommand({
        Bucket: bucket,
        Key: upload!.key,
        UploadId: upload!.storeId,
        PartNumber: 3,
        Body: disk.slice(2 * PART_BYTES).fill(1),
      }),
    );
    joining.lift();
    await eventually('the upload to be open again', async () => {
      const [row] = await sql<{ state: string }>('SELECT state FROM uploads WHERE image_id = ?', imageId);
      return row?.state === 'OPEN';
    });
    expect((await client.operation(operation.id)).metadata.stage).toBe('COPYING');
    await registry.ended(operation.id);
    expect(link.asked()).toEqual([1, 1, 1]);
    await readyThenDeleted(operation);
  });
});

test('a registry that is killed in the middle goes on at its next start, and fetches nothing twice that is stored', async () => {
  const state = join(temporaryFolder(), 'state');
  const started = startProcess({ ...(await startEnvironment(state)), ...env, BULLION_SWEEP_SECONDS: '3600' });
  await started.ready();
  const key = readFileSync(join(state, 'local-admin.key'), 'utf8').trim();
  const killed = openClient(() => started.url, key);
  const link = heldLink();
  const { id } = accepted(await killed.call('POST', IMAGES, { folderId: 'default', uri: link.uri }));
  await link.reached();
  const workerd: { pid: number } = JSON.parse(readFileSync(join(state, 'workerd.json'), 'utf8'));
  process.kill(started.pid, 'SIGKILL');
  process.kill(workerd.pid, 'SIGKILL');
  const { output } = await started.exited();
  await eventually('the end of workerd', () => runningProcess(workerd.pid) === undefined);
  link.letGo();

  const again = await startOwn({ state, env, sweepSeconds: 1 });
  const client = openClient(() => again.local.url, again.key);
  expect((await client.ended(id)).response?.status).toBe('READY');
  expect(link.asked()).toEqual([1, 2, 1]);
  expect(await everything(await again.local.database())).not.toContain(SIGNATURE);
  expect(output + again.logLines.join('\n')).not.toContain(SIGNATURE);
});

test('no log line holds the signature of a link', () => {
  expect(own.logLines.length).toBeGreaterThan(0);
  expect(own.logLines.join('\n')).not.toContain(SIGNATURE);
});
