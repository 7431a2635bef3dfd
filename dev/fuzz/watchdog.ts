import { Worker } from 'node:worker_threads';

/**
 * Runs beside this thread, because a loop without end leaves it no turn: when the count has stood still for too long
 * it says so and ends the process. The name of the mutant is in the same memory as the count.
 */
const CODE = `
const { workerData: { memory, seconds, heading } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const cells = new Int32Array(memory);
for (let seen = Atomics.load(cells, 0); ; seen = Atomics.load(cells, 0)) {
  if (Atomics.wait(cells, 0, seen, seconds * 1000) !== 'timed-out') continue;
  writeSync(2, heading + cells[1] + ':' + cells[2] + ' does not end within ' + seconds + ' seconds\\n');
  process.kill(process.pid, 'SIGKILL');
}`;

export interface Watchdog {
  /** Begins the time of the next mutant. */
  watch(seed: number, number: number): void;
  stop(): Promise<void>;
}

/** Ends this process, with a line that names the mutant, when one takes more than `seconds`. */
export function startWatchdog(seconds: number): Watchdog {
  const memory = new SharedArrayBuffer(12);
  const cells = new Int32Array(memory);
  const heading = '\nthe inspection of the mutant ';
  const thread = new Worker(CODE, { eval: true, workerData: { memory, seconds, heading } });
  thread.unref();
  return {
    watch: (seed, number) => {
      cells[1] = seed;
      cells[2] = number;
      Atomics.add(cells, 0, 1);
      Atomics.notify(cells, 0);
    },
    stop: async () => {
      await thread.terminate();
    },
  };
}
