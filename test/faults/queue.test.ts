/** Messages that come twice, late, for nothing, or never. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { type Breakable, startBreakable } from './setup/behind-proxy.ts';
import { accepted, brokenDisk, IMAGES, smallDisk } from './setup/client.ts';
import { startOnQueues } from './setup/other-queues.ts';

const ATTEMPTS = 3;
const registry = await startBreakable({
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_JOB_ATTEMPTS: String(ATTEMPTS),
});
const { client, proxy, sql, own } = registry;

interface JobLine {
  readonly event: string;
  readonly jobId: string;
  readonly kind?: string;
  readonly operationId?: string;
  readonly outcome: string;
}

const jobLines = (): JobLine[] =>
  own.logLines.filter((line) => line.includes('"event":"job"')).map((line) => JSON.parse(line));

/** How the deliveries of the verdict on an operation went, in their order. */
const outcomes = (operationId: string) =>
  jobLines()
    .filter((line) => line.operationId === operationId && line.kind === 'judge-upload')
    .map(({ outcome }) => outcome);

/** A registry whose queues give a message up when it fails once. */
const impatient = await startOnQueues([
  { queue: 'bullion-jobs', maxBatchTimeout: 0, maxRetries: 0, deadLetterQueue: 'bullion-dead-letters' },
  { queue: 'bullion-dead-letters', maxBatchTimeout: 0, maxRetries: 0 },
]);

const statusOf = async (imageId: string) => (await client.call('GET', `${IMAGES}/${imageId}`)).status;

describe('a message', () => {
  test('for a job that is gone is dropped', async () => {
    const fault = proxy.inject('hold', { operations: ['GetObject'], times: 1 });
    const { id, metadata } = await client.push(smallDisk);
    await fault.reached();
    const [job] = await sql<{ id: string }>("SELECT id FROM jobs WHERE kind = 'judge-upload'");
    accepted(await client.call('POST', `/operations/${id}:cancel`));
    fault.lift();
    // The worker finds its verdict undone, and the message that it sends finds nothing.
    const ofJob = () => jobLines().filter(({ jobId }) => jobId === job!.id);
    await eventually('the message for nothing', () => ofJob().some(({ outcome }) => outcome === 'idle'));
    expect(ofJob().map(({ outcome }) => outcome)).toEqual(['again', 'idle']);
    expect(await statusOf(metadata.imageId)).toBe(404);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('that was lost with the process is sent again at the next start', async () => {
    const fault = proxy.inject('deny', { operations: ['GetObject'], times: 3 });
    const { id } = await client.push(smallDisk);
    await eventually('the first attempt', () => outcomes(id).length === 1);
    expect(fault.hits).toBe(3);
    // The second delivery, which the queue has put off, goes with the process.
    await own.restart();
    expect((await client.ended(id)).response?.status).toBe('READY');
    expect(outcomes(id)).toEqual(['retry', 'done']);
    expect(await registry.settledFaults()).toEqual([]);
  });
});

describe('a verdict', () => {
  test('that refuses is made once', async () => {
    const { id } = await client.push(brokenDisk);
    await client.ended(id);
    expect(await registry.settledFaults()).toEqual([]);
    await registry.runScheduled();
    await eventually('the line of the verdict', () => outcomes(id).length > 0);
    expect(outcomes(id)).toEqual(['done']);
  });

  test('waits longer after each failed attempt, and comes when the store does', async () => {
    const outage = proxy.inject('deny', { operations: ['GetObject'] });
    const { id } = await client.push(smallDisk);
    for (const [attempts, seconds] of [
      [1, 5],
      [2, 10],
    ]) {
      const [job] = await eventually(`attempt ${attempts}`, async () => {
        const rows = await sql<{ wait: number; error: string }>(
          `SELECT run_after - ? AS wait, last_error AS error FROM jobs
            WHERE kind = 'judge-upload' AND attempts = ? AND state = 'READY'`,
          Date.now(),
          attempts!,
        );
        return rows.length > 0 && rows;
      });
      // Give or take what the look at it took.
      expect(Math.round(job!.wait / 2500) * 2.5).toBe(seconds);
      expect(job!.error).toContain('503');
      if (attempts === 2) outage.lift();
      await registry.tick();
    }
    expect((await client.ended(id)).response?.status).toBe('READY');
    await eventually('the line of the verdict', () => outcomes(id).length === 3);
    expect(outcomes(id)).toEqual(['retry', 'retry', 'done']);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('that cannot be made in all attempts ends the creation, and leaves nothing', async () => {
    const outage = proxy.inject('refuse', { operations: ['GetObject', 'HeadObject'] });
    const { id, metadata } = await client.push(smallDisk, { name: 'given-up' });
    const ended = await registry.ended(id);
    expect(ended.error?.code).toBe(14);
    expect(ended.error?.message).toContain(`after ${ATTEMPTS} attempts`);
    outage.lift();
    expect(await statusOf(metadata.imageId)).toBe(404);
    expect(await registry.settledFaults()).toEqual([]);
    await eventually('the line of the end', () => outcomes(id).includes('given-up'));
    expect(outcomes(id)).toEqual(['retry', 'retry', 'given-up']);
    const again = accepted(await client.create(smallDisk.length, { name: 'given-up' }));
    accepted(await client.call('DELETE', `${IMAGES}/${again.metadata.imageId}`));
  });
});

describe('two workers', () => {
  // Locally a queue hands out one batch at a time; what fails in the first queue goes to a second one at once.
  const wait = { maxBatchSize: 10, maxBatchTimeout: 0.2 };
  const startTwo = () =>
    startOnQueues([
      { queue: 'bullion-jobs', ...wait, maxRetries: 0, deadLetterQueue: 'bullion-more-jobs' },
      { queue: 'bullion-more-jobs', ...wait, maxRetries: 10 },
    ]);

  /** Pushes a disk; out: its operation, when the worker of the second queue is reading the object. */
  async function pushToSecond(two: Breakable, bytes: Uint8Array) {
    two.proxy.inject('deny', { operations: ['GetObject'], times: 3 });
    const operation = await two.client.push(bytes);
    await eventually('the failure in the first queue', async () => {
      const failed = await two.sql("SELECT id FROM jobs WHERE attempts = 1 AND state = 'READY'");
      return failed.length === 1;
    });
    const fault = two.proxy.inject('hold', { operations: ['GetObject'] });
    await two.sql('UPDATE jobs SET run_after = 0');
    await fault.reached(1);
    return { operation, fault };
  }

  test.each([
    { verdict: 'accepts', bytes: smallDisk, code: undefined },
    { verdict: 'refuses', bytes: brokenDisk, code: 3 },
  ])('on one job at once make one verdict, which $verdict', async ({ bytes, code }) => {
    const two = await startTwo();
    const { operation, fault } = await pushToSecond(two, bytes);
    await two.sql('UPDATE jobs SET lease_until = 0');
    await two.runScheduled();
    await fault.reached(2);
    fault.lift();
    expect((await two.client.ended(operation.id)).error?.code).toBe(code);
    expect(await two.settledFaults()).toEqual([]);
    expect((await two.client.operation(operation.id)).error?.code).toBe(code);
  });

  test('do not have one job at once while its lease holds', async () => {
    const two = await startTwo();
    const { operation, fault } = await pushToSecond(two, smallDisk);
    const [lease] = await two.sql<{ id: string; until: number }>(
      'SELECT lease_id AS id, lease_until AS until FROM jobs',
    );
    // The scheduled function sends only what nobody has, so the lease is hidden from it until it has sent.
    await two.sql('UPDATE jobs SET lease_until = 0');
    await two.runScheduled();
    await two.sql('UPDATE jobs SET lease_until = ?', lease!.until);
    const idle = () => two.logLines.some((line) => line.includes('"outcome":"idle"'));
    await eventually('the delivery for nothing', idle);
    expect(await two.sql('SELECT lease_id AS id FROM jobs')).toEqual([{ id: lease!.id }]);
    expect(fault.hits).toBe(1);
    fault.lift();
    expect((await two.client.ended(operation.id)).response?.status).toBe('READY');
    expect(await two.settledFaults()).toEqual([]);
  });
});

describe('what the queue gives up as a dead letter', () => {
  test('ends its operation with a cause, when it is a verdict', async () => {
    const outage = impatient.proxy.inject('deny', { operations: ['GetObject'] });
    const { id, metadata } = await impatient.client.push(smallDisk);
    const ended = await impatient.client.ended(id);
    expect(ended.error?.code).toBe(14);
    expect(ended.error?.message).toContain('could not be judged');
    expect((await impatient.client.call('GET', `${IMAGES}/${metadata.imageId}`)).status).toBe(404);
    outage.lift();
    expect(await impatient.settledFaults()).toEqual([]);
  });

  test('is tried again for ever, when it cleans up', async () => {
    const outage = impatient.proxy.inject('deny', { operations: ['DeleteObject'] });
    const { metadata } = await impatient.client.upload(smallDisk);
    accepted(await impatient.client.call('POST', `${IMAGES}/${metadata.imageId}:abortUpload`));
    const deadLetters = () => impatient.logLines.filter((line) => line.includes('"event":"dead letter"'));
    const before = deadLetters().length;
    await eventually('two dead letters of the job', async () => {
      await impatient.tick();
      return deadLetters().length >= before + 2;
    });
    outage.lift();
    expect(await impatient.settledFaults()).toEqual([]);
  });
});

test('three runs of the scheduled functions at once do everything once', async () => {
  const operations = [];
  for (let count = 0; count < 10; count += 1) operations.push(await impatient.client.upload(smallDisk));
  await impatient.sql('UPDATE uploads SET expires_at = 1000');
  await Promise.all([impatient.runScheduled(), impatient.runScheduled(), impatient.runScheduled()]);
  for (const { id } of operations) expect((await impatient.client.ended(id)).error?.code).toBe(4);
  expect(await impatient.settledFaults()).toEqual([]);
});
