import type { D1Database } from '@cloudflare/workers-types';
import { makeDeployed } from './build.ts';
import { readDeployment } from './deployment.ts';
import { freeLeftJobs } from './left-jobs.ts';
import { ensureLocalAdmin } from './local-admin.ts';
import { type LineLog, logEvent } from './log.ts';
import { applyMigrations } from './migrations.ts';
import { type ObjectStore, startObjectStore } from './object-store/server.ts';
import { listenRefusal, reachableUrl, requireFreePort } from './ports.ts';
import { startRuntime } from './runtime.ts';
import { readWorkerSettings } from './settings.ts';
import { localStoreCredential, openStateFolder, readText, type StateFolder } from './state-folder.ts';
import { startTicks } from './ticks.ts';
import type { Workers } from './worker-bundle.ts';
import { endLeftWorkerd } from './workerd.ts';

export interface LocalOptions {
  /** Folder of everything that must survive; made when missing. */
  readonly state: string;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly s3Port: number;
  /** Settings of the Worker under the names of `schema/settings.ts`; with `S3_ENDPOINT` no object store is started. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How often the scheduled functions run, besides once at the start; 60 unless given. */
  readonly sweepSeconds?: number;
  /** Leaves everything as it is found: nothing is migrated or made, and the clock does not run. */
  readonly asFound?: boolean;
  /** The Workers, when they and the static assets were made before; else all are made now. */
  readonly workers?: Workers;
  /** Gets each line that the Worker logs, and events of the local parts, as JSON lines. */
  readonly log?: LineLog;
}

/** A whole registry on this machine: the Worker on workerd, D1, queues, scheduled functions, an object store. */
export interface Local {
  readonly url: string;
  readonly port: number;
  /** Where the object store answers: the own one, or the one that `S3_ENDPOINT` names. */
  readonly s3Url: string;
  /** Port of the own object store; undefined when another one is used. */
  readonly s3Port: number | undefined;
  readonly state: StateFolder;
  /** The key of `local-admin`, made at the first start. */
  adminKey(): string;
  /** Runs the scheduled functions once, after a run that is under way, and answers when they are done. */
  runScheduled(): Promise<void>;
  /** The Worker's database, for tests that look behind the API. */
  database(): Promise<D1Database>;
  /** Settles, with the reason, when the runtime ended without being told to. */
  readonly crashed: Promise<string>;
  /** Ends everything that was started and gives the state folder free. */
  stop(): Promise<void>;
}

/**
 * Starts a registry. Nothing answers on `port` before the database is migrated and the first key is there.
 * Throws a Refusal, one line with the way out, when a setting, a port or the state folder does not allow it.
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const {
    host = '127.0.0.1',
    port,
    s3Port,
    env = {},
    sweepSeconds = 60,
    asFound = false,
    log = () => {},
  } = options;
  const undo: (() => unknown)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const state = await openStateFolder(options.state);
    undo.push(state.release);
    const left = await endLeftWorkerd(state.workerdFile);
    if (left !== undefined) logEvent(log, 'warn', `ended workerd ${left.pid}, which a killed run had left`);
    if (port !== 0) await requireFreePort(host, port, 'PORT');

    const { store, variables } = await startStore(state, host, s3Port, env);
    if (store !== undefined) undo.push(() => store.close());

    const deployment = await readDeployment();
    const workers = options.workers ?? (await makeDeployed(deployment));
    const runtime = await startRuntime({
      deployment,
      workers,
      variables,
      state,
      host,
      port,
      log,
      async prepare(database) {
        if (asFound) return;
        for (const { migrationsFolder } of deployment.databases)
          await applyMigrations(database, migrationsFolder);
        await ensureLocalAdmin(database, state);
        await freeLeftJobs(database);
      },
    });
    undo.push(runtime.stop);
    const ticks = asFound
      ? undefined
      : startTicks(runtime.runScheduled, sweepSeconds, (error) =>
          logEvent(log, 'error', `scheduled functions: ${error}`),
        );
    undo.push(() => ticks?.stop());
    return {
      url: runtime.url,
      port: runtime.port,
      s3Url: variables.S3_ENDPOINT,
      s3Port: store?.port,
      state,
      adminKey: () => adminKey(state),
      runScheduled: () => ticks?.runNow() ?? runtime.runScheduled(),
      database: runtime.database,
      crashed: runtime.crashed,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the own object store unless the settings name another; the Worker's variables say where it is. */
async function startStore(
  state: StateFolder,
  host: string,
  port: number,
  env: NonNullable<LocalOptions['env']>,
): Promise<{ store: ObjectStore | undefined; variables: Record<string, string> & { S3_ENDPOINT: string } }> {
  if (env.S3_ENDPOINT) {
    const { settings, text } = readWorkerSettings(env, undefined);
    return { store: undefined, variables: { ...text, S3_ENDPOINT: settings.S3_ENDPOINT } };
  }
  const credential = localStoreCredential(state);
  const { settings, text } = readWorkerSettings(env, { endpoint: reachableUrl(host, port), ...credential });
  try {
    const store = await startObjectStore({
      dir: state.objects,
      host,
      port,
      region: settings.S3_REGION,
      buckets: [settings.S3_BUCKET],
      credentials: [credential],
      corsOrigins: settings.BULLION_CORS_ORIGINS,
    });
    return { store, variables: { ...text, S3_ENDPOINT: reachableUrl(host, store.port) } };
  } catch (error) {
    throw listenRefusal(error, host, port, 'S3_PORT');
  }
}

function adminKey(state: StateFolder): string {
  const key = readText(state.adminKeyFile)?.trim();
  if (!key) throw new Error(`there is no key in ${state.adminKeyFile}`);
  return key;
}
