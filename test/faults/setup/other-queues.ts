import { join } from 'node:path';
import { type Deployment, readDeployment } from '../../../dev/deployment.ts';
import { ensureLocalAdmin } from '../../../dev/local-admin.ts';
import { applyMigrations } from '../../../dev/migrations.ts';
import { startRuntime } from '../../../dev/runtime.ts';
import { openStateFolder, readText } from '../../../dev/state-folder.ts';
import { atEnd, builtWorkers, temporaryFolder } from '../../service/setup/registry.ts';
import { type Breakable, breakable, startBreakableStore } from './behind-proxy.ts';

/**
 * Starts a registry whose queues are not the deployment's, which have more patience than a test. Its scheduled
 * functions never run by themselves, and several runs of them may be under way at once.
 */
export async function startOnQueues(
  consumers: Deployment['consumers'],
  variables: Readonly<Record<string, string>> = {},
): Promise<Breakable> {
  const store = await startBreakableStore();
  const state = await openStateFolder(join(temporaryFolder(), 'state'));
  atEnd(state.release);
  const deployment = await readDeployment();
  const logLines: string[] = [];
  const runtime = await startRuntime({
    deployment: { ...deployment, consumers },
    workers: builtWorkers(),
    variables: { ...store.env, BULLION_LAYER_GRACE_SECONDS: '0', ...variables },
    state,
    host: '127.0.0.1',
    port: 0,
    log: (line) => logLines.push(line),
    async prepare(database) {
      for (const { migrationsFolder } of deployment.databases)
        await applyMigrations(database, migrationsFolder);
      await ensureLocalAdmin(database, state);
    },
  });
  atEnd(runtime.stop);
  const key = (readText(state.adminKeyFile) ?? '').trim();
  return breakable(store, { ...runtime, url: () => runtime.url, key, logLines });
}
