import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningProcess, runningProcess } from './processes.ts';
import { readText, writePrivately } from './state-folder.ts';

const END_TIMEOUT_MS = 5_000;

let lastStarted: ChildProcess | undefined;
subscribe('child_process', (message) => {
  lastStarted = (message as { process: ChildProcess }).process;
});

/**
 * The process that was started last. Miniflare keeps its workerd to itself, but calls `handleRuntimeStdio` in the
 * same turn in which it starts it; asked there, this is that workerd.
 */
export function justStarted(): ChildProcess {
  if (lastStarted?.pid === undefined) throw new Error('no process was started');
  return lastStarted;
}

/** Notes which workerd uses the state, before it has read its configuration: nothing can be killed unseen. */
export function recordWorkerd(file: string, workerd: ChildProcess): void {
  const running = runningProcess(workerd.pid!);
  if (running !== undefined) writePrivately(file, `${JSON.stringify(running)}\n`);
}

/**
 * Ends the workerd that a killed run left behind; it would hold the port and write to the same database. Only the
 * very process of the record is ended: same number, same start, same command line. Returns it, if there was one.
 */
export async function endLeftWorkerd(file: string): Promise<RunningProcess | undefined> {
  const text = readText(file);
  if (text === undefined) return undefined;
  const left = JSON.parse(text) as RunningProcess;
  const running = runningProcess(left.pid);
  const found = running?.startedAt === left.startedAt && running.command === left.command;
  if (found) {
    process.kill(left.pid, 'SIGKILL');
    // A process on its way out has no command line any more.
    const isStillThere = () => runningProcess(left.pid)?.startedAt === left.startedAt;
    for (const end = Date.now() + END_TIMEOUT_MS; isStillThere(); await delay(10)) {
      if (Date.now() > end) throw new Error(`process ${left.pid} of a killed run does not end`);
    }
  }
  rmSync(file, { force: true });
  return found ? left : undefined;
}
