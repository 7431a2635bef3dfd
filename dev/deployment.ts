import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, projectFolder } from './project.ts';
import { withoutSignals } from './signals.ts';
import { readText } from './state-folder.ts';

/** What every Worker has. */
export interface WorkerDeployment {
  readonly name: string;
  /** Where its bundle is put for a deployment: a path from the project folder. */
  readonly main: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

/** What of wrangler's files the local runtime needs, as wrangler itself understands them. */
export interface Deployment extends WorkerDeployment {
  /** The Worker that inspects images, from a file of its own. */
  readonly inspection: WorkerDeployment;
  /** Other Workers that are called, by the names of their deployments. */
  readonly services: readonly { readonly binding: string; readonly service: string }[];
  readonly databases: readonly { readonly binding: string; readonly migrationsFolder: string }[];
  readonly producers: readonly { readonly binding: string; readonly queue: string }[];
  readonly consumers: readonly {
    readonly queue: string;
    readonly maxBatchSize?: number;
    readonly maxBatchTimeout?: number;
    readonly maxRetries?: number;
    readonly deadLetterQueue?: string;
  }[];
  readonly crons: readonly string[];
  readonly assets: {
    /** From the project folder; `assets.ts` makes it. */
    readonly folder: string;
    readonly binding: string;
    /** Whether the Worker sees a request before a file is looked for. */
    readonly workerFirst: boolean;
  };
}

/** The registry's file, which wrangler looks for by itself, and that of the Worker that inspects. */
const CONFIG = 'wrangler.toml';
export const INSPECTION_CONFIG = 'wrangler.inspection.toml';

/**
 * Reads the files with wrangler, so that what runs locally and what is deployed cannot differ. Loading
 * wrangler takes more than a second, so its reading is kept until a file, this module or wrangler changes.
 */
export async function readDeployment(): Promise<Deployment> {
  const configs = [CONFIG, INSPECTION_CONFIG].map((name) => readFileSync(join(projectFolder, name), 'utf8'));
  const wranglerVersion = JSON.parse(
    readFileSync(join(projectFolder, 'node_modules', 'wrangler', 'package.json'), 'utf8'),
  ).version;
  const key = createHash('sha256')
    .update(JSON.stringify([SHAPE, wranglerVersion, ...configs]))
    .digest('hex');
  const cached = join(cacheFolder, 'deployment.json');
  const kept = readText(cached);
  if (kept !== undefined) {
    const { key: keptKey, deployment } = JSON.parse(kept);
    if (keptKey === key) return deployment;
  }
  const deployment = await readWithWrangler();
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = `${cached}.${process.pid}`;
  writeFileSync(unfinished, JSON.stringify({ key, deployment }));
  renameSync(unfinished, cached);
  return deployment;
}

/** The fields read here, as wrangler documents them; its own type needs packages that it does not install. */
interface WranglerConfig {
  readonly name?: string;
  readonly main?: string;
  readonly compatibility_date?: string;
  readonly compatibility_flags: readonly string[];
  readonly d1_databases: readonly { readonly binding: string; readonly migrations_dir?: string }[];
  readonly queues: {
    readonly producers?: readonly { readonly binding: string; readonly queue: string }[];
    readonly consumers?: readonly {
      readonly queue: string;
      readonly max_batch_size?: number;
      readonly max_batch_timeout?: number;
      readonly max_retries?: number;
      readonly dead_letter_queue?: string;
    }[];
  };
  readonly services?: readonly { readonly binding: string; readonly service: string }[];
  readonly triggers: { readonly crons?: readonly string[] };
  readonly assets?: {
    readonly directory?: string;
    readonly binding?: string;
    readonly run_worker_first?: boolean | readonly string[];
  };
}

/** Raised whenever `Deployment` changes, so that no reading in an older shape is used. */
const SHAPE = 4;

async function readWithWrangler(): Promise<Deployment> {
  const { unstable_readConfig: readConfig } = await withoutSignals(() => import('wrangler'));
  const read = (name: string): WranglerConfig =>
    readConfig({ config: join(projectFolder, name) }, { hideWarnings: true });
  const config = read(CONFIG);
  const { directory, binding, run_worker_first: workerFirst } = config.assets ?? {};
  if (directory === undefined || binding === undefined || typeof workerFirst !== 'boolean') {
    throw new Error('wrangler.toml must have [assets] with directory, binding and run_worker_first');
  }
  return {
    ...workerOf(config, CONFIG),
    inspection: workerOf(read(INSPECTION_CONFIG), INSPECTION_CONFIG),
    services: (config.services ?? []).map(({ binding, service }) => ({ binding, service })),
    databases: config.d1_databases.map(({ binding, migrations_dir: folder }) => ({
      binding,
      migrationsFolder: folder ?? 'migrations',
    })),
    producers: (config.queues.producers ?? []).map(({ binding, queue }) => ({ binding, queue })),
    consumers: (config.queues.consumers ?? []).map((consumer) => ({
      queue: consumer.queue,
      ...(consumer.max_batch_size !== undefined && { maxBatchSize: consumer.max_batch_size }),
      ...(consumer.max_batch_timeout !== undefined && { maxBatchTimeout: consumer.max_batch_timeout }),
      ...(consumer.max_retries !== undefined && { maxRetries: consumer.max_retries }),
      ...(consumer.dead_letter_queue !== undefined && { deadLetterQueue: consumer.dead_letter_queue }),
    })),
    crons: config.triggers.crons ?? [],
    assets: { folder: directory, binding, workerFirst },
  };
}

function workerOf(config: WranglerConfig, file: string): WorkerDeployment {
  const { name, main, compatibility_date: compatibilityDate } = config;
  if (name === undefined || main === undefined || compatibilityDate === undefined) {
    throw new Error(`${file} must have name, main and compatibility_date`);
  }
  return {
    name,
    main: main.slice(projectFolder.length + 1),
    compatibilityDate,
    compatibilityFlags: config.compatibility_flags,
  };
}
