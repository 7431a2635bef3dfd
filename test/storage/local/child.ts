import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ObjectStoreSettings } from '../../../dev/object-store/server.ts';
import type { StoreSettings } from '../../../storage/store.ts';

const CREDENTIAL = { accessKeyId: 'child', secretAccessKey: 'child-secret' };

/** A store in a process that can be measured and killed. */
export interface StoreProcess {
  readonly settings: StoreSettings;
  /** The most memory that the process ever had. */
  peakRssBytes(): Promise<number>;
  /** Ends it with SIGKILL: it gets no chance to finish anything. */
  kill(): Promise<void>;
}

/** A folder with the bundled program in it, and for the state that its processes leave to one another. */
export interface Workshop {
  readonly stateDir: string;
  start(): Promise<StoreProcess>;
  remove(): Promise<void>;
}

export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'bullion-store-process-'));
  const program = join(folder, 'store.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('store-process.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  const stateDir = join(folder, 'state');
  const running = new Set<ChildProcess>();
  return {
    stateDir,
    async start() {
      const settings: ObjectStoreSettings = {
        dir: stateDir,
        host: '127.0.0.1',
        port: 0,
        region: 'auto',
        buckets: ['bullion'],
        credentials: [CREDENTIAL],
        corsOrigins: [],
      };
      const child = fork(program, [JSON.stringify(settings)]);
      running.add(child);
      const { url } = await answer<{ url: string }>(child);
      return {
        settings: { endpoint: url, region: 'auto', bucket: 'bullion', ...CREDENTIAL },
        async peakRssBytes() {
          const told = answer<{ peakRssBytes: number }>(child);
          child.send('peak');
          return (await told).peakRssBytes;
        },
        async kill() {
          running.delete(child);
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          await gone;
        },
      };
    },
    async remove() {
      for (const child of running) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answer<Message>(child: ChildProcess): Promise<Message> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The store's process ended with ${code}`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}
