import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type Local, type LocalOptions, startLocal } from '../../../dev/local.ts';
import type { Workers } from '../../../dev/worker-bundle.ts';

/** The registry that all service tests share: make everything under names of your own. */
export const registry = inject('registry');

/** A registry of one test file, in this process. */
export interface OwnRegistry {
  /** The running one; another one after `restart`. */
  readonly local: Local;
  readonly key: string;
  /** What the Worker and the local parts logged since the first start, a line each. */
  readonly logLines: readonly string[];
  /** Stops it and starts it again on the same state and ports, with the settings of `env` on top of the former. */
  restart(env?: LocalOptions['env']): Promise<void>;
  /** Stops it; the state stays until the end of the file, or is `start`ed again by `restart`. */
  stop(): Promise<void>;
}

const cleanups: (() => unknown)[] = [];

/** Does what `atEnd` was given; `end-of-file.ts` calls it at the end of each test file. */
export async function cleanUp(): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
}

/** Has something done at the end of the test file, whatever happened, in reverse order. */
export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** A folder that is gone at the end of the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(registry.folder, 'own-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The Workers that were made for this run. */
export function builtWorkers(): Workers {
  return JSON.parse(readFileSync(registry.workersFile, 'utf8'));
}

/** Starts a registry for this test file alone, on the bundle of the run; it ends with the file. */
export async function startOwn(
  options: { env?: LocalOptions['env']; state?: string; sweepSeconds?: number } = {},
): Promise<OwnRegistry> {
  const state = options.state ?? join(temporaryFolder(), 'state');
  const workers = builtWorkers();
  const logLines: string[] = [];
  let env = options.env ?? {};
  const start = (port: number, s3Port: number) =>
    startLocal({
      state,
      port,
      s3Port,
      env,
      workers,
      ...(options.sweepSeconds !== undefined && { sweepSeconds: options.sweepSeconds }),
      log: (line) => logLines.push(line),
    });
  let local = await start(0, 0);
  atEnd(() => local.stop());
  return {
    get local() {
      return local;
    },
    key: local.adminKey(),
    logLines,
    async restart(more) {
      await local.stop();
      env = { ...env, ...more };
      local = await start(local.port, local.s3Port ?? 0);
    },
    stop: () => local.stop(),
  };
}
