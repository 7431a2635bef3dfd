import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { D1Database } from '@cloudflare/workers-types';
import { Log, LogLevel, Miniflare, type MiniflareOptions, type WorkerOptions } from 'miniflare';
import type { Deployment, WorkerDeployment } from './deployment.ts';
import { type LineLog, logEvent } from './log.ts';
import { listenRefusal, reachableUrl } from './ports.ts';
import { projectFolder } from './project.ts';
import { withoutSignals } from './signals.ts';
import type { StateFolder } from './state-folder.ts';
import { waitWholly } from './whole-waits.ts';
import type { Workers } from './worker-bundle.ts';
import { justStarted, recordWorkerd } from './workerd.ts';

export interface RuntimeOptions {
  readonly deployment: Deployment;
  readonly workers: Workers;
  /** The variables of the registry's Worker. */
  readonly variables: Readonly<Record<string, string>>;
  readonly state: StateFolder;
  readonly host: string;
  readonly port: number;
  readonly log: LineLog;
  /** Makes the database ready; nothing answers on `port` before it is done. */
  readonly prepare: (database: D1Database) => Promise<void>;
}

/** The Workers, running on workerd. */
export interface Runtime {
  readonly url: string;
  readonly port: number;
  /** Settles, with the reason, when workerd ended without being told to. */
  readonly crashed: Promise<string>;
  database(): Promise<D1Database>;
  runScheduled(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  waitWholly();
  const { deployment, host, port, state } = options;
  const [database] = deployment.databases;
  const [cron] = deployment.crons;
  if (database === undefined || cron === undefined)
    throw new Error('wrangler.toml has no database or no cron');
  let workerd: ChildProcess | undefined;
  const started = (process: ChildProcess) => {
    workerd = process;
    recordWorkerd(state.workerdFile, process);
  };
  const onPort = (listenPort: number) => miniflareOptions(options, listenPort, started);

  // Port 0 is known to nobody until this returns. On a known port somebody may be asking already, so the database
  // is prepared on another one first; changing the port afterwards starts workerd again, in about 0.1 s.
  const miniflare = await withoutSignals(() => new Miniflare(onPort(0)));
  try {
    await miniflare.ready;
    await options.prepare(await miniflare.getD1Database(database.binding));
    if (port !== 0) await miniflare.setOptions(onPort(port));
    const entry = await miniflare.ready;
    const boundPort = Number(entry.port);
    let stopping = false;
    const crashed = new Promise<string>((resolve) => {
      workerd?.once('exit', (code, signal) => {
        if (!stopping) resolve(`workerd ended by itself (${signal ?? `exit code ${code}`})`);
      });
    });
    return {
      url: reachableUrl(host, boundPort),
      port: boundPort,
      crashed,
      database: () => miniflare.getD1Database(database.binding),
      async runScheduled() {
        const worker = await miniflare.getWorker();
        const { outcome } = await worker.scheduled({ cron, scheduledTime: new Date() });
        if (outcome !== 'ok') throw new Error(`the scheduled handler ended with ${outcome}`);
      },
      async stop() {
        stopping = true;
        await miniflare.dispose();
        rmSync(state.workerdFile, { force: true });
      },
    };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    rmSync(state.workerdFile, { force: true });
    throw listenRefusal(error, host, port, 'PORT');
  }
}

function miniflareOptions(
  { deployment, workers, variables, state, host, log }: RuntimeOptions,
  port: number,
  started: (workerd: ChildProcess) => void,
): MiniflareOptions {
  const { services, databases, producers, consumers, assets } = deployment;
  const registry = {
    ...workerOptions(deployment, workers.registry),
    bindings: { ...variables },
    serviceBindings: {
      ...Object.fromEntries(services.map(({ binding, service }) => [binding, service])),
      // What users name is fetched through this. It refuses addresses of the own network when it connects, so that no
      // name, whatever it resolves to, leads inside.
      PUBLIC_INTERNET: { network: { allow: ['public'], tlsOptions: { trustBrowserCas: true } } },
    },
    // The database's file is named after its id: the binding is the one name that no deployment changes.
    d1Databases: Object.fromEntries(databases.map(({ binding }) => [binding, binding])),
    queueProducers: Object.fromEntries(producers.map(({ binding, queue }) => [binding, queue])),
    queueConsumers: Object.fromEntries(consumers.map(({ queue, ...settings }) => [queue, settings])),
    assets: {
      directory: join(projectFolder, assets.folder),
      binding: assets.binding,
      routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: assets.workerFirst },
    },
  } satisfies WorkerOptions;
  return {
    host,
    port,
    cf: false,
    log: new EventLog(log),
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      started(justStarted());
      createInterface({ input: stdout }).on('line', log);
      // The Workers' own lines are JSON; others are workerd's words.
      createInterface({ input: stderr }).on('line', (line) =>
        line.startsWith('{') ? log(line) : logEvent(log, 'error', line),
      );
    },
    d1Persist: state.d1,
    // The first one has the port.
    workers: [registry, workerOptions(deployment.inspection, workers.inspection)],
  };
}

function workerOptions({ name, compatibilityDate, compatibilityFlags }: WorkerDeployment, module: string) {
  return {
    name,
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: module }],
    compatibilityDate,
    compatibilityFlags: [...compatibilityFlags],
  } satisfies WorkerOptions;
}

/** Miniflare's own warnings, as lines of the one log. */
class EventLog extends Log {
  readonly #log: LineLog;
  constructor(log: LineLog) {
    super(LogLevel.WARN);
    this.#log = log;
  }
  override logWithLevel(level: LogLevel, message: string): void {
    if (level <= LogLevel.WARN) logEvent(this.#log, level === LogLevel.ERROR ? 'error' : 'warn', message);
  }
}
