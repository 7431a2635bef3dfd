import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process as it can be told from a later one that was given the same number. */
export interface RunningProcess {
  readonly pid: number;
  /** When it began, in the system's own form: only good for comparing. */
  readonly startedAt: string;
  readonly command: string;
}

/**
 * The process with this number, or undefined when none runs. One that only waits to be collected does not run; one
 * whose first thread has ended while others still do does: its files and sockets are open.
 */
export function runningProcess(pid: number): RunningProcess | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** proc(5): after the name in parentheses, the state comes first, the number of threads 18th, the start time 20th. */
function fromProc(pid: number): RunningProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, threads, startedAt] = [fields[0], Number(fields[17]), fields[19]];
    if (startedAt === undefined || (state === 'Z' && threads <= 1)) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, startedAt, command };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): RunningProcess | undefined {
  try {
    const columns = ['-o', 'stat=', '-o', 'lstart=', '-o', 'command='];
    const line = execFileSync('ps', ['-p', String(pid), ...columns], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, state, startedAt, command] =
      /^\s*(\S+)\s+(\S+\s+\S+\s+\d+\s+\S+\s+\d+)\s+(.*)$/m.exec(line) ?? [];
    if (state === undefined || startedAt === undefined || command === undefined) return undefined;
    return state.startsWith('Z') ? undefined : { pid, startedAt, command: command.trim() };
  } catch {
    return undefined;
  }
}
