/** Several ends of one creation at once: exactly one of them counts. */
import { AbortMultipartUploadCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, brokenDisk, disk, IMAGES, type Operation, smallDisk } from './setup/client.ts';

const registry = await startBreakable({
  BULLION_UPLOAD_TTL_SECONDS: '60',
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_MAX_ACTIVE_OPERATIONS: '100',
});
const { client, proxy, sql } = registry;

const OK = 0;
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const DATA_LOSS = 15;

const codeOf = ({ error }: Operation) => error?.code ?? OK;
const pathOf = (imageId: string, verb = '') => `${IMAGES}/${imageId}${verb}`;

/** Lets an upload's time be over, without waiting for it. */
const outlive = (imageId: string) => sql('UPDATE uploads SET expires_at = 1000 WHERE image_id = ?', imageId);

/** Deletes what a test leaves, so that the next one looks at its own. */
async function deleteImage(imageId: string): Promise<void> {
  accepted(await client.call('DELETE', pathOf(imageId)));
}

/** How a creation is ended from outside; out: the status of the call. */
const interruptions: readonly {
  name: string;
  code: number;
  interrupt: (operation: Operation) => Promise<number>;
}[] = [
  {
    name: 'cancelling its operation',
    code: CANCELLED,
    interrupt: async ({ id }) => (await client.call('POST', `/operations/${id}:cancel`)).status,
  },
  {
    name: 'deleting the image',
    code: CANCELLED,
    interrupt: async ({ metadata }) => (await client.call('DELETE', pathOf(metadata.imageId))).status,
  },
  {
    name: 'aborting the upload',
    code: CANCELLED,
    interrupt: async ({ metadata }) =>
      (await client.call('POST', pathOf(metadata.imageId, ':abortUpload'))).status,
  },
];

describe('an upload whose time is over', () => {
  test('ends with DEADLINE_EXCEEDED, and its parts are aborted in the store', async () => {
    const operation = await client.upload(disk, { name: 'outlived' });
    await outlive(operation.metadata.imageId);
    // No part is signed any more, also before the scheduled function comes.
    expect((await client.sign(operation.metadata.imageId, [1])).status).toBe(400);
    await registry.runScheduled();
    const ended = await client.operation(operation.id);
    expect(codeOf(ended)).toBe(DEADLINE_EXCEEDED);
    expect(ended.error?.message).toContain('60 s');
    expect((await client.call('GET', pathOf(operation.metadata.imageId))).status).toBe(404);
    expect(await registry.settledFaults()).toEqual([]);
    // Its name is free.
    const again = accepted(await client.create(disk.length, { name: 'outlived' }));
    await deleteImage(again.metadata.imageId);
  });

  test('is not ended when it was completed before', async () => {
    const fault = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
    const operation = await client.upload(smallDisk);
    const completing = client.complete(operation.metadata.imageId);
    await fault.reached();
    await outlive(operation.metadata.imageId);
    await registry.runScheduled();
    fault.lift();
    accepted(await completing);
    expect(codeOf(await registry.ended(operation.id))).toBe(OK);
    await deleteImage(operation.metadata.imageId);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('is ended when it is just being completed, and the call says so', async () => {
    const fault = proxy.inject('hold', { operations: ['ListParts'], times: 1 });
    const operation = await client.upload(smallDisk);
    const completing = client.complete(operation.metadata.imageId);
    await fault.reached();
    await outlive(operation.metadata.imageId);
    await registry.runScheduled();
    expect(await registry.settledFaults()).toEqual([]);
    fault.lift();
    const answer = await completing;
    expect(answer.status).toBe(200);
    expect(codeOf(answer.body)).toBe(DEADLINE_EXCEEDED);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('and completed at the same time, twenty times, ends one way or the other', async () => {
    const operations: Operation[] = [];
    for (let count = 0; count < 20; count += 1) operations.push(await client.upload(smallDisk));
    await sql("UPDATE uploads SET expires_at = 1000 WHERE state = 'OPEN'");
    const [answers] = await Promise.all([
      Promise.all(operations.map(({ metadata }) => client.complete(metadata.imageId))),
      registry.runScheduled(),
    ]);
    for (const [index, { id, metadata }] of operations.entries()) {
      const ended = await registry.ended(id);
      expect([OK, DEADLINE_EXCEEDED]).toContain(codeOf(ended));
      // An upload that ended before the call was looked at is gone with its image.
      expect([200, 404]).toContain(answers[index]!.status);
      if (codeOf(ended) === OK) await deleteImage(metadata.imageId);
    }
    expect(await registry.settledFaults()).toEqual([]);
  });
});

describe.each(interruptions)('$name', ({ code, interrupt }) => {
  test.each([
    { verdict: 'accepts', bytes: smallDisk },
    { verdict: 'refuses', bytes: brokenDisk },
  ])('before a verdict that $verdict is written down counts', async ({ bytes }) => {
    const fault = proxy.inject('hold', { operations: ['GetObject'], times: 1 });
    const operation = await client.push(bytes);
    await fault.reached();
    expect(await interrupt(operation)).toBe(200);
    fault.lift();
    expect(codeOf(await client.operation(operation.id))).toBe(code);
    expect(await registry.settledFaults()).toEqual([]);
    expect(codeOf(await client.operation(operation.id))).toBe(code);
  });

  test('while the store joins the parts counts, and completing says so', async () => {
    const fault = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
    const operation = await client.upload(disk);
    const completing = client.complete(operation.metadata.imageId);
    await fault.reached();
    expect(await interrupt(operation)).toBe(200);
    // What the store holds is gone before it gets to join it.
    expect(await registry.settledFaults()).toEqual([]);
    fault.lift();
    const answer = await completing;
    expect(answer.status).toBe(200);
    expect(codeOf(answer.body)).toBe(code);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('when the store has joined the parts and nobody knows yet takes the object away', async () => {
    const fault = proxy.inject('hold-answer', { operations: ['CompleteMultipartUpload'], times: 1 });
    const operation = await client.upload(disk);
    const completing = client.complete(operation.metadata.imageId);
    await fault.reached();
    expect(await interrupt(operation)).toBe(200);
    fault.lift();
    expect(codeOf(accepted(await completing))).toBe(code);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test.each([
    { verdict: 'accepts', bytes: smallDisk, other: OK },
    { verdict: 'refuses', bytes: brokenDisk, other: INVALID_ARGUMENT },
  ])('at the same time as a verdict that $verdict, five times', async ({ bytes, other }) => {
    for (let count = 0; count < 5; count += 1) {
      const fault = proxy.inject('hold', { operations: ['GetObject'], times: 1 });
      const operation = await client.push(bytes);
      await fault.reached();
      fault.lift();
      const status = await interrupt(operation);
      const ended = await registry.ended(operation.id);
      expect([code, other]).toContain(codeOf(ended));
      const image = await client.call('GET', pathOf(operation.metadata.imageId));
      expect([200, 400, 404]).toContain(status);
      if (image.status === 200) {
        expect(codeOf(ended)).toBe(OK);
        await deleteImage(operation.metadata.imageId);
      }
    }
    expect(await registry.settledFaults()).toEqual([]);
  });
});

test('a part that is replaced while the parts are joined opens the upload again', async () => {
  const fault = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
  const operation = await client.upload(disk);
  const { imageId } = operation.metadata;
  const { parts } = accepted(await client.sign(imageId, [3]));
  const completing = client.complete(imageId);
  await fault.reached();
  await fetch(parts[0]!.url, { method: 'PUT', body: new Uint8Array(Number(parts[0]!.size)) });
  fault.lift();
  const refused = await completing;
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain('a part was replaced meanwhile');
  expect(await registry.settledFaults()).toEqual([]);
  const offset = Number(parts[0]!.offset);
  await fetch(parts[0]!.url, { method: 'PUT', body: new Uint8Array(disk.subarray(offset)) });
  accepted(await client.complete(imageId));
  expect(codeOf(await registry.ended(operation.id))).toBe(OK);
  await deleteImage(imageId);
});

test('an upload that the store loses while its parts are joined ends with DATA_LOSS', async () => {
  const fault = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
  const operation = await client.upload(smallDisk);
  const completing = client.complete(operation.metadata.imageId);
  await fault.reached();
  const [row] = await sql<{ key: string; id: string }>(
    `SELECT object_key AS key, store_upload_id AS id FROM uploads JOIN layers ON layers.id = layer_id
      WHERE image_id = ?`,
    operation.metadata.imageId,
  );
  const { store, bucket } = registry.behind;
  await store.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: row!.key, UploadId: row!.id }));
  fault.lift();
  accepted(await completing);
  expect(codeOf(await client.ended(operation.id))).toBe(DATA_LOSS);
  expect(await registry.settledFaults()).toEqual([]);
});

test('a part that is replaced before the last attempt to join opens the upload again', async () => {
  const outage = proxy.inject('deny', { operations: ['CompleteMultipartUpload'] });
  const operation = await client.upload(disk);
  const { imageId } = operation.metadata;
  const { parts } = accepted(await client.sign(imageId, [3]));
  const hold = proxy.inject('hold', { operations: ['HeadObject'] });
  accepted(await client.complete(imageId));
  await sql('UPDATE jobs SET attempts = 7');
  await fetch(parts[0]!.url, { method: 'PUT', body: new Uint8Array(Number(parts[0]!.size)) });
  outage.lift();
  hold.lift();
  await registry.tick();
  await registry.settledFaults();
  expect((await client.operation(operation.id)).done).toBe(false);
  expect((await client.operation(operation.id)).metadata.stage).toBe('AWAITING_UPLOAD');
  await deleteImage(imageId);
  expect(await registry.settledFaults()).toEqual([]);
});
