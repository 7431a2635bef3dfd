/** What a long operation shows of itself, at moments at which the store is held. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, disk, type Operation } from './setup/client.ts';

/** The disk is copied in parts of this length. */
const PART_BYTES = 5 * 2 ** 20;

const registry = await startBreakable({ BULLION_COPY_WHOLE_BYTES: String(PART_BYTES) });
const { client, proxy } = registry;

/** Stage and progress of an operation as it is now. */
async function shown({ id }: Operation) {
  const { stage, progress } = (await client.operation(id)).metadata;
  return { stage, progress };
}
/** As long as the same bytes are not known already, they are sent and read. */
const declared = (bytes: Uint8Array) => ({
  upload: { size: String(bytes.length), sha256: createHash('sha256').update(bytes).digest('hex') },
});
const differing = (last: number) => Uint8Array.from(disk).with(disk.length - 1, last);

test('an upload that is inspected', async () => {
  const held = proxy.inject('hold', { operations: ['GetObject'], times: 1 });
  const operation = await client.upload(disk);
  expect(await shown(operation)).toEqual({ stage: 'AWAITING_UPLOAD', progress: undefined });
  await client.complete(operation.metadata.imageId);
  await held.reached();
  expect(await shown(operation)).toEqual({ stage: 'INSPECTING', progress: undefined });
  held.lift();
  expect((await registry.ended(operation.id)).metadata.stage).toBeUndefined();
  // The bytes are read once more for the digest that nobody declared.
  expect(await registry.settledFaults()).toEqual([]);
});

test('an upload whose digest is verified', async () => {
  const before = proxy.passed('GetObject');
  const first = differing(1);
  expect((await registry.ended((await client.push(first, declared(first))).id)).response?.status).toBe(
    'READY',
  );
  const reads = proxy.passed('GetObject') - before;
  const held = proxy.inject('hold', { operations: ['GetObject'], times: 1, after: reads - 1 });
  const second = differing(2);
  const operation = await client.push(second, declared(second));
  await held.reached();
  expect(await shown(operation)).toEqual({
    stage: 'VERIFYING_DIGEST',
    progress: { bytesDone: '0', bytesTotal: String(disk.length), percent: 0 },
  });
  held.lift();
  expect((await registry.ended(operation.id)).response?.status).toBe('READY');
});

test('a disk whose bytes are copied, then joined', async () => {
  const image = await client.push(disk);
  await registry.ended(image.id);
  const copying = proxy.inject('hold', { operations: ['UploadPartCopy'], times: 1 });
  const joining = proxy.inject('hold', { operations: ['CompleteMultipartUpload'], times: 1 });
  const operation = accepted(
    await client.call('POST', '/compute/v1/disks', {
      folderId: 'default',
      zoneId: 'ru-central1-a',
      size: String(2 ** 30),
      imageId: image.metadata.imageId,
    }),
  );
  await copying.reached();
  expect(await shown(operation)).toMatchObject({ stage: 'COPYING', progress: { bytesDone: '0' } });
  copying.lift();
  await joining.reached();
  expect(await shown(operation)).toEqual({
    stage: 'FINALIZING',
    progress: { bytesDone: String(disk.length), bytesTotal: String(disk.length), percent: 100 },
  });
  joining.lift();
  expect((await registry.ended(operation.id)).response?.status).toBe('READY');
});
