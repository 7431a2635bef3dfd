import { join } from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';
import type { LocalOptions } from '../../../dev/local.ts';
import { startObjectStore } from '../../../dev/object-store/server.ts';
import { s3Client } from '../../../storage/connection.ts';
import { eventually } from '../../service/setup/eventually.ts';
import { atEnd, type OwnRegistry, startOwn, temporaryFolder } from '../../service/setup/registry.ts';
import { type Behind, faults } from '../invariants.ts';
import { type Client, type Operation, openClient } from './client.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

const BUCKET = 'bullion';
const SECRET = 'secret-of-the-breakable-store';
const HOUR_SECONDS = 3_600;
/**
 * Between two ticks while something is waited for, however many wait: each tick sends a message for every job that
 * nobody has, also for those whose message is on its way, and a queue that gets more than it takes never empties.
 */
const TICK_MS = 500;

/** An object store with a proxy in front of it that breaks what it is told to. */
export interface BreakableStore {
  readonly proxy: FaultProxy;
  /**
   * The settings of a registry whose every request to the store goes through the proxy. It has no trash, so that what
   * is deleted leaves the store; tests of the trash give it one.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly behind: Omit<Behind, 'database'>;
}

/** A registry whose store can be broken. Its scheduled functions run when they are told to. */
export interface Breakable {
  readonly client: Client;
  readonly proxy: FaultProxy;
  readonly behind: Omit<Behind, 'database'>;
  /** The secret of its credential at the store. */
  readonly secret: string;
  /** What the Worker and the local parts logged, a line each. */
  readonly logLines: readonly string[];
  database(): Promise<D1Database>;
  runScheduled(): Promise<void>;
  /** Runs one statement with `?` filled in; out: its rows. */
  sql<Row>(statement: string, ...values: (string | number | null)[]): Promise<Row[]>;
  /** Makes every waiting job due, as if its back-off were over, and runs the scheduled functions. */
  tick(): Promise<void>;
  /** Waits for the end of an operation, ticking, so that no back-off is waited for. */
  ended(operationId: string): Promise<Operation>;
  /** Ticks until no job is left, and answers with what is wrong then. */
  settledFaults(): Promise<string[]>;
}

/** A breakable registry that can be stopped and started again. */
export interface BreakableRegistry extends Breakable {
  readonly own: OwnRegistry;
}

/** The store and the proxy end with the test file. */
export async function startBreakableStore(): Promise<BreakableStore> {
  const credential = { accessKeyId: 'BULLIONFAULTS', secretAccessKey: SECRET };
  const server = await startObjectStore({
    dir: join(temporaryFolder(), 'objects'),
    host: '127.0.0.1',
    port: 0,
    region: 'auto',
    buckets: [BUCKET],
    credentials: [credential],
    corsOrigins: [],
  });
  atEnd(() => server.close());
  const proxy = await startFaultProxy(server.url);
  atEnd(() => proxy.close());
  const settings = { endpoint: server.url, region: 'auto', bucket: BUCKET, ...credential };
  return {
    proxy,
    env: {
      S3_ENDPOINT: proxy.url,
      S3_ACCESS_KEY_ID: credential.accessKeyId,
      S3_SECRET_ACCESS_KEY: credential.secretAccessKey,
      BULLION_TRASH_SECONDS: '0',
    },
    behind: { store: s3Client(settings), bucket: BUCKET },
  };
}

export async function startBreakable(env: LocalOptions['env'] = {}): Promise<BreakableRegistry> {
  const store = await startBreakableStore();
  return await startOn(store, { env });
}

/** Starts a registry on a store that is there already; `state` goes on with an earlier one's. */
export async function startOn(
  store: BreakableStore,
  options: { env?: LocalOptions['env']; state?: string } = {},
): Promise<BreakableRegistry> {
  const own = await startOwn({
    ...(options.state === undefined ? {} : { state: options.state }),
    env: { ...store.env, ...options.env },
    sweepSeconds: HOUR_SECONDS,
  });
  const running = {
    url: () => own.local.url,
    key: own.key,
    logLines: own.logLines,
    database: () => own.local.database(),
    runScheduled: () => own.local.runScheduled(),
  };
  return { ...breakable(store, running), own };
}

/** What tests do with a running registry on a breakable store. */
export function breakable(
  { proxy, behind }: BreakableStore,
  running: { url(): string; key: string } & Pick<Breakable, 'logLines' | 'database' | 'runScheduled'>,
): Breakable {
  const { logLines, database, runScheduled } = running;
  let lastTick = Date.now();
  const tickAgain = async () => {
    if (Date.now() - lastTick < TICK_MS) return;
    lastTick = Date.now();
    await registry.tick();
  };
  const registry: Breakable = {
    client: openClient(running.url, running.key),
    proxy,
    behind,
    secret: SECRET,
    logLines,
    database,
    runScheduled,
    async sql<Row>(statement: string, ...values: (string | number | null)[]) {
      const { results } = await (await database())
        .prepare(statement)
        .bind(...values)
        .all<Row>();
      return results;
    },
    async tick() {
      await registry.sql("UPDATE jobs SET run_after = 0 WHERE state = 'READY'");
      await runScheduled();
    },
    ended: (operationId) =>
      ticking(tickAgain, `the end of operation ${operationId}`, async () => {
        const operation = await registry.client.operation(operationId);
        return operation.done && operation;
      }),
    async settledFaults() {
      await ticking(tickAgain, 'the end of every job', async () => {
        const [jobs] = await registry.sql<{ left: number }>(
          "SELECT count(*) AS left FROM jobs WHERE state <> 'DEAD'",
        );
        return jobs?.left === 0;
      });
      return await faults({ database: await database(), ...behind });
    },
  };
  return registry;
}

async function ticking<T>(
  tickAgain: () => Promise<void>,
  what: string,
  probe: () => Promise<T | undefined | false>,
): Promise<T> {
  return await eventually(what, async () => {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    await tickAgain();
    return undefined;
  });
}
