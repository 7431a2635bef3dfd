/** The whole registry as a process of its own, to be killed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runningProcess } from '../../../dev/processes.ts';
import { eventually } from '../../service/setup/eventually.ts';
import { temporaryFolder } from '../../service/setup/registry.ts';
import { type StartProcess, startEnvironment, startProcess } from '../../service/setup/start-process.ts';
import { openClient } from './client.ts';

/** Starts `npm start` as a process of its own and answers when it is ready. */
export async function startKillable(env: Record<string, string>, state: string) {
  const started = startProcess({ ...(await startEnvironment(state)), ...env, BULLION_SWEEP_SECONDS: '3600' });
  await started.ready();
  const key = readFileSync(join(state, 'local-admin.key'), 'utf8').trim();
  return { started, client: openClient(() => started.url, key) };
}

/** SIGKILL to both processes at once. */
export async function killAll({ pid, state, exited }: StartProcess): Promise<void> {
  const workerd: { pid: number } = JSON.parse(readFileSync(join(state, 'workerd.json'), 'utf8'));
  process.kill(pid, 'SIGKILL');
  process.kill(workerd.pid, 'SIGKILL');
  await exited();
  await eventually('the end of workerd', () => runningProcess(workerd.pid) === undefined);
}

/** A state folder that no registry has had yet. */
export const newState = () => join(temporaryFolder(), 'state');
