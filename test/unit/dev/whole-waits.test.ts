import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { waitWholly } from '../../../dev/whole-waits.ts';

/** Notifies many times of nothing, then stores 1 and notifies of that. */
const NOTIFIER = `
  const { workerData } = require('node:worker_threads');
  for (let count = 0; count < 200; count += 1) {
    Atomics.wait(workerData.pace, 0, 0, 1);
    Atomics.notify(workerData.value, 0);
  }
  Atomics.store(workerData.value, 0, 1);
  Atomics.notify(workerData.value, 0);
`;

it('a wait ends when the value is another one, not when it is woken', async () => {
  waitWholly();
  waitWholly();
  const value = new Int32Array(new SharedArrayBuffer(4));
  const pace = new Int32Array(new SharedArrayBuffer(4));
  const notifier = new Worker(NOTIFIER, { eval: true, workerData: { value, pace } });
  Atomics.wait(value, 0, 0);
  expect(Atomics.load(value, 0)).toBe(1);
  await notifier.terminate();
});

it.each([
  ['not-equal', 1, undefined],
  ['timed-out', 0, 5],
])('a wait that nobody ends is %s', (ended, expected, timeoutMs) => {
  waitWholly();
  const value = new Int32Array(new SharedArrayBuffer(4));
  expect(Atomics.wait(value, 0, expected, timeoutMs)).toBe(ended);
});
