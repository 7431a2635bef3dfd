/** Disks whose bytes the store copies, with the store, the queue or the registry failing on the way. */
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { type Breakable, startBreakable, startBreakableStore, startOn } from './setup/behind-proxy.ts';
import { accepted, disk, IMAGES, type Operation, smallDisk } from './setup/client.ts';
import type { FaultKind, FaultTarget, S3Operation } from './setup/fault-proxy.ts';
import { killAll, newState, startKillable } from './setup/killable.ts';
import { startOnQueues } from './setup/other-queues.ts';

const DISKS = '/compute/v1/disks';
const MIB = 2 ** 20;
const PART_BYTES = 5 * MIB;
const PARTS = Math.ceil(disk.length / PART_BYTES);
/** A call to the store is tried three times before the registry gives up on it. */
const WHOLE_CALL = 3;
const ATTEMPTS = 3;

const OK = 0;
const CANCELLED = 1;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;

const SETTINGS = {
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_JOB_ATTEMPTS: String(ATTEMPTS),
  BULLION_COPY_WHOLE_BYTES: String(PART_BYTES),
};

const registry = await startBreakable(SETTINGS);
const { client, proxy, sql } = registry;

// What one test breaks stays its own, whatever became of it.
afterEach(() => proxy.lift());

interface Source {
  readonly imageId: string;
  readonly bytes: Uint8Array;
}

/** A READY image of these bytes. */
async function pushed({ client, ended }: Pick<Breakable, 'client' | 'ended'>, bytes: Uint8Array) {
  const { id, metadata } = await client.push(bytes);
  expect((await ended(id)).response?.status).toBe('READY');
  return { imageId: metadata.imageId, bytes };
}

/** Copied in one request, and in parts. */
const whole = await pushed(registry, smallDisk);
const inParts = await pushed(registry, disk);
const sources = { 'a whole object': whole, 'an object in parts': inParts };

const codeOf = ({ error }: Operation) => error?.code ?? OK;
const diskIdOf = ({ metadata }: Operation) => (metadata as unknown as { diskId: string }).diskId;

/** Begins a disk of an image, as small as it may be. */
async function begin({ client }: Pick<Breakable, 'client'>, { imageId }: Source): Promise<Operation> {
  const { body: image } = await client.call<{ minDiskSize: string }>('GET', `${IMAGES}/${imageId}`);
  const size = Math.ceil(Number(image.minDiskSize) / (4 * MIB)) * 4 * MIB;
  return accepted(
    await client.call('POST', DISKS, {
      folderId: 'default',
      zoneId: 'ru-central1-a',
      size: String(size),
      imageId,
    }),
  );
}

const statusOf = async (operation: Operation) =>
  (await client.call('GET', `${DISKS}/${diskIdOf(operation)}`)).status;

/** Demands that a disk is READY on an object of its own that holds these bytes; takes its rows away again. */
async function expectCopied(of: Breakable, operation: Operation, { bytes }: Source): Promise<void> {
  expect(operation.error).toBeUndefined();
  expect(operation.response?.status).toBe('READY');
  const [layer] = await of.sql<{ key: string; etag: string }>(
    `SELECT object_key AS key, etag FROM layers JOIN disks ON disks.layer_id = layers.id WHERE disks.id = ?`,
    diskIdOf(operation),
  );
  const { store, bucket } = of.behind;
  const { Body, ETag } = await store.send(new GetObjectCommand({ Bucket: bucket, Key: layer!.key }));
  expect(ETag).toBe(`"${layer!.etag}"`);
  expect(Buffer.compare(await Body!.transformToByteArray(), bytes)).toBe(0);
  accepted(await of.client.call('DELETE', `${DISKS}/${diskIdOf(operation)}`));
}

/** Requests of these kinds that the store had while something was done. */
async function counted(operation: S3Operation, done: () => Promise<unknown>): Promise<number> {
  const before = proxy.passed(operation);
  await done();
  return proxy.passed(operation) - before;
}

describe('a copy', () => {
  test('of a whole object is one request', async () => {
    const copies = await counted('CopyObject', async () => {
      const { id } = await begin(registry, whole);
      await expectCopied(registry, await registry.ended(id), whole);
    });
    expect(copies).toBe(1);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('in parts says how far it is, and copies each part once', async () => {
    const copies = await counted('UploadPartCopy', async () => {
      const fault = proxy.inject('hold', { operations: ['UploadPartCopy'], after: 3, times: 1 });
      const { id } = await begin(registry, inParts);
      await fault.reached();
      const { metadata } = await client.operation(id);
      expect(metadata.stage).toBe('COPYING');
      expect(metadata.progress).toMatchObject({
        bytesDone: String(3 * PART_BYTES),
        bytesTotal: String(disk.length),
      });
      fault.lift();
      await expectCopied(registry, await registry.ended(id), inParts);
    });
    expect(copies).toBe(PARTS);
    expect(await registry.settledFaults()).toEqual([]);
  });
});

interface Step {
  readonly of: keyof typeof sources;
  readonly target: FaultTarget & { readonly operations: readonly [S3Operation] };
  readonly kinds: readonly FaultKind[];
}

const step = (
  of: keyof typeof sources,
  operation: S3Operation,
  kinds: readonly FaultKind[],
  after = 0,
): Step => ({
  of,
  target: { operations: [operation], after },
  kinds,
});

/** Before the store has a request, and when it has done what was asked. */
const BEFORE: readonly FaultKind[] = ['refuse', 'deny'];
const BEHIND: readonly FaultKind[] = ['lose-answer', 'deny-answer', 'cut-answer'];

const steps: readonly Step[] = [
  step('a whole object', 'HeadObject', BEFORE),
  step('a whole object', 'CopyObject', [...BEFORE, ...BEHIND]),
  step('a whole object', 'HeadObject', BEFORE, 1),
  step('a whole object', 'HeadObject', BEFORE, 2),
  step('an object in parts', 'ListMultipartUploads', ['deny', 'cut-answer']),
  step('an object in parts', 'CreateMultipartUpload', [...BEFORE, ...BEHIND]),
  ...Array.from({ length: PARTS }, (_, index) =>
    step('an object in parts', 'UploadPartCopy', index === 1 ? [...BEFORE, ...BEHIND] : ['deny'], index),
  ),
  step('an object in parts', 'ListParts', ['deny', 'cut-answer']),
  step('an object in parts', 'CompleteMultipartUpload', [...BEFORE, ...BEHIND]),
  step('an object in parts', 'HeadObject', BEFORE, 2 * PARTS),
];
const table = steps.flatMap(({ of, target, kinds }) =>
  kinds.map((kind) => ({ of, operation: target.operations[0], after: target.after, kind, target })),
);

test.each(table)(
  'a copy of $of goes on when $operation fails ($kind, after $after)',
  async ({ of, kind, target }) => {
    // An answer that was cut is not asked for again within the call.
    const times = kind === 'cut-answer' ? 1 : WHOLE_CALL;
    const fault = proxy.inject(kind, { ...target, times });
    const { id } = await begin(registry, sources[of]);
    const ended = await registry.ended(id);
    expect(fault.hits).toBe(times);
    await expectCopied(registry, ended, sources[of]);
    expect(await registry.settledFaults()).toEqual([]);
  },
);

test('a part that fails is copied again, and no other one', async () => {
  const copies = await counted('UploadPartCopy', async () => {
    proxy.inject('deny', { operations: ['UploadPartCopy'], after: 1, times: WHOLE_CALL });
    const { id } = await begin(registry, inParts);
    await expectCopied(registry, await registry.ended(id), inParts);
  });
  expect(copies).toBe(PARTS);
});

test.each([
  ['CopyObject', whole],
  ['HeadObject', inParts],
  ['CreateMultipartUpload', inParts],
  ['UploadPartCopy', inParts],
  ['CompleteMultipartUpload', inParts],
] as const)('a copy that cannot be made in all attempts ends the creation: %s', async (operation, source) => {
  const outage = proxy.inject('deny', { operations: [operation] });
  const begun = await begin(registry, source);
  const ended = await registry.ended(begun.id);
  expect(codeOf(ended)).toBe(UNAVAILABLE);
  expect(ended.error?.message).toContain(`after ${ATTEMPTS} attempts`);
  expect(await statusOf(begun)).toBe(404);
  outage.lift();
  expect(await registry.settledFaults()).toEqual([]);
});

test('what was copied of a disk that was given up is taken away when the store lets it', async () => {
  const outage = proxy.inject('deny', { operations: ['CompleteMultipartUpload'] });
  const locked = proxy.inject('deny', { operations: ['ListMultipartUploads'], after: 1 });
  const { id } = await begin(registry, inParts);
  expect(codeOf(await registry.ended(id))).toBe(UNAVAILABLE);
  await eventually('attempts beyond all that a creation has', async () => {
    await registry.tick();
    return locked.hits > WHOLE_CALL * (ATTEMPTS + 1);
  });
  outage.lift();
  locked.lift();
  expect(await registry.settledFaults()).toEqual([]);
});

/** Moments of a copy at which somebody steps in. */
const moments: readonly {
  of: keyof typeof sources;
  kind: FaultKind;
  operation: S3Operation;
  after: number;
}[] = [
  { of: 'a whole object', kind: 'hold', operation: 'HeadObject', after: 0 },
  { of: 'a whole object', kind: 'hold', operation: 'CopyObject', after: 0 },
  { of: 'a whole object', kind: 'hold-answer', operation: 'CopyObject', after: 0 },
  { of: 'an object in parts', kind: 'hold', operation: 'CreateMultipartUpload', after: 0 },
  { of: 'an object in parts', kind: 'hold-answer', operation: 'CreateMultipartUpload', after: 0 },
  { of: 'an object in parts', kind: 'hold', operation: 'UploadPartCopy', after: 1 },
  { of: 'an object in parts', kind: 'hold-answer', operation: 'UploadPartCopy', after: 3 },
  { of: 'an object in parts', kind: 'hold', operation: 'CompleteMultipartUpload', after: 0 },
  { of: 'an object in parts', kind: 'hold-answer', operation: 'CompleteMultipartUpload', after: 0 },
];

const interruptions = [
  {
    name: 'cancelling the operation',
    interrupt: ({ id }: Operation) => client.call('POST', `/operations/${id}:cancel`),
  },
  {
    name: 'deleting the disk',
    interrupt: (operation: Operation) => client.call('DELETE', `${DISKS}/${diskIdOf(operation)}`),
  },
];

describe.each(interruptions)('$name', ({ interrupt }) => {
  test.each(moments)(
    'while $of is copied ($operation, $kind) ends the creation and leaves nothing',
    async ({ of, kind, operation, after }) => {
      const fault = proxy.inject(kind, { operations: [operation], after, times: 1 });
      const begun = await begin(registry, sources[of]);
      await fault.reached();
      expect((await interrupt(begun)).status).toBe(200);
      expect(codeOf(await client.operation(begun.id))).toBe(CANCELLED);
      expect(await statusOf(begun)).toBe(404);
      fault.lift();
      expect(await registry.settledFaults()).toEqual([]);
      expect(codeOf(await client.operation(begun.id))).toBe(CANCELLED);
    },
  );

  test('while the store fails ends the creation, and what is left goes when the store is back', async () => {
    const outage = proxy.inject('deny', { operations: ['CopyObject', 'ListMultipartUploads'] });
    const begun = await begin(registry, whole);
    await outage.reached();
    expect((await interrupt(begun)).status).toBe(200);
    expect(codeOf(await client.operation(begun.id))).toBe(CANCELLED);
    // The job is given up as one that makes a disk and goes on as one that clears away.
    await eventually('the clean-up that is tried for ever', async () => {
      await registry.tick();
      return (await sql("SELECT id FROM jobs WHERE kind = 'discard-copy' AND attempts > 0")).length > 0;
    });
    outage.lift();
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('at the same time as the end of the copy, five times, gives a disk or nothing', async () => {
    for (let count = 0; count < 5; count += 1) {
      const fault = proxy.inject('hold', { operations: ['CopyObject'], times: 1 });
      const begun = await begin(registry, whole);
      await fault.reached();
      fault.lift();
      await interrupt(begun);
      const ended = await registry.ended(begun.id);
      expect([OK, CANCELLED]).toContain(codeOf(ended));
      if (codeOf(ended) === OK && (await statusOf(begun)) === 200) {
        accepted(await client.call('DELETE', `${DISKS}/${diskIdOf(begun)}`));
      }
      expect(await statusOf(begun)).toBe(404);
    }
    expect(await registry.settledFaults()).toEqual([]);
  });
});

test('a creation that has ended is not cancelled', async () => {
  const { id } = await begin(registry, whole);
  const ended = await registry.ended(id);
  expect(accepted(await client.call('POST', `/operations/${id}:cancel`))).toEqual(ended);
  await expectCopied(registry, ended, whole);
});

describe('a source that is', () => {
  async function objectOf({ imageId }: Source) {
    const [layer] = await sql<{ key: string }>(
      'SELECT object_key AS key FROM layers JOIN images ON images.layer_id = layers.id WHERE images.id = ?',
      imageId,
    );
    return { Bucket: registry.behind.bucket, Key: layer!.key };
  }
  const remove = async (source: Source) =>
    registry.behind.store.send(new DeleteObjectCommand(await objectOf(source)));
  const replace = async (source: Source) =>
    registry.behind.store.send(new PutObjectCommand({ ...(await objectOf(source)), Body: 'other bytes' }));

  /** Takes an image away whose object was tampered with, and what is left of its layer. */
  async function forget({ imageId }: Source) {
    accepted(await client.call('DELETE', `${IMAGES}/${imageId}`));
    // The copy names it until its own job has taken it away.
    await registry.settledFaults();
    await registry.runScheduled();
  }

  test.each([
    { name: 'removed from the store', breakIt: remove },
    { name: 'replaced in the store', breakIt: replace },
  ])('$name before it is copied ends the creation with DATA_LOSS', async ({ breakIt }) => {
    const source = await pushed(registry, smallDisk);
    await breakIt(source);
    const begun = await begin(registry, source);
    const ended = await registry.ended(begun.id);
    expect(codeOf(ended)).toBe(DATA_LOSS);
    expect(ended.error?.message).toContain('replaced or removed');
    expect(await statusOf(begun)).toBe(404);
    await forget(source);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test.each([
    { name: 'removed from the store', breakIt: remove },
    { name: 'replaced in the store', breakIt: replace },
  ])('$name while it is copied in parts ends the creation with DATA_LOSS', async ({ breakIt }) => {
    const source = await pushed(registry, disk);
    const fault = proxy.inject('hold', { operations: ['UploadPartCopy'], after: 3, times: 1 });
    const begun = await begin(registry, source);
    await fault.reached();
    await breakIt(source);
    fault.lift();
    expect(codeOf(await registry.ended(begun.id))).toBe(DATA_LOSS);
    expect(await statusOf(begun)).toBe(404);
    await forget(source);
    expect(await registry.settledFaults()).toEqual([]);
  });

  test('deleted while it is copied stays until the copy is done', async () => {
    const source = await pushed(registry, disk);
    const fault = proxy.inject('hold', { operations: ['UploadPartCopy'], after: 3, times: 1 });
    const begun = await begin(registry, source);
    await fault.reached();
    const refused = await client.call('DELETE', `${IMAGES}/${source.imageId}`);
    expect(refused.status).toBe(400);
    // Taken away by other means, such as with its folder, its bytes stay all the same.
    await sql('DELETE FROM images WHERE id = ?', source.imageId);
    await sql('DELETE FROM uploads WHERE image_id = ?', source.imageId);
    await registry.runScheduled();
    fault.lift();
    await expectCopied(registry, await registry.ended(begun.id), source);
    await sql(
      "UPDATE quotas SET usage = usage - CASE quota_id WHEN 'compute.images.count' THEN 1 ELSE ? END WHERE quota_id LIKE 'compute.images.%'",
      disk.length,
    );
    expect(await registry.settledFaults()).toEqual([]);
  });
});

describe('a queue', () => {
  const wait = { maxBatchSize: 10, maxBatchTimeout: 0.2 };

  test.each([
    { of: 'a whole object', bytes: smallDisk, first: 'HeadObject', operation: 'CopyObject' },
    { of: 'an object in parts', bytes: disk, first: 'ListMultipartUploads', operation: 'UploadPartCopy' },
  ] as const)('that has two workers copy $of at once makes one disk', async ({ bytes, first, operation }) => {
    // What fails in the first queue goes to a second one at once, so that there are two workers.
    const two = await startOnQueues(
      [
        { queue: 'bullion-jobs', ...wait, maxRetries: 0, deadLetterQueue: 'bullion-more-jobs' },
        { queue: 'bullion-more-jobs', ...wait, maxRetries: 10 },
      ],
      SETTINGS,
    );
    const source = await pushed(two, bytes);
    two.proxy.inject('deny', { operations: [first], times: WHOLE_CALL });
    const { id } = await begin(two, source);
    await eventually('the failure in the first queue', async () => {
      const failed = await two.sql("SELECT id FROM jobs WHERE attempts = 1 AND state = 'READY'");
      return failed.length === 1;
    });
    const fault = two.proxy.inject('hold', { operations: [operation], times: 1 });
    await two.sql('UPDATE jobs SET run_after = 0');
    await fault.reached();
    await two.sql('UPDATE jobs SET lease_until = 0');
    await two.runScheduled();
    const ended = await two.client.ended(id);
    fault.lift();
    expect(await two.settledFaults()).toEqual([]);
    await expectCopied(two, ended, source);
    expect(await two.settledFaults()).toEqual([]);
  });

  test('that gives the job up ends the creation', async () => {
    const impatient = await startOnQueues(
      [
        { queue: 'bullion-jobs', maxBatchTimeout: 0, maxRetries: 0, deadLetterQueue: 'bullion-dead-letters' },
        { queue: 'bullion-dead-letters', maxBatchTimeout: 0, maxRetries: 0 },
      ],
      SETTINGS,
    );
    const source = await pushed(impatient, smallDisk);
    const outage = impatient.proxy.inject('deny', { operations: ['CopyObject'] });
    const { id } = await begin(impatient, source);
    const ended = await impatient.client.ended(id);
    expect(codeOf(ended)).toBe(UNAVAILABLE);
    expect(ended.error?.message).toContain('object store had still not copied');
    outage.lift();
    expect(await impatient.settledFaults()).toEqual([]);
  });
});

test.each([
  { of: 'a whole object', bytes: smallDisk, kind: 'hold-answer', operation: 'CopyObject', after: 0 },
  { of: 'an object in parts', bytes: disk, kind: 'hold', operation: 'UploadPartCopy', after: 3 },
  {
    of: 'an object in parts',
    bytes: disk,
    kind: 'hold-answer',
    operation: 'CompleteMultipartUpload',
    after: 0,
  },
] as const)(
  'a registry that is killed while it has $of copied ($operation, $kind) goes on at its next start',
  async ({ bytes, kind, operation, after }) => {
    const store = await startBreakableStore();
    const state = newState();
    const { started, client } = await startKillable({ ...store.env, ...SETTINGS }, state);
    const source = await pushed({ client, ended: client.ended }, bytes);
    const fault = store.proxy.inject(kind, { operations: [operation], after, times: 1 });
    const { id } = await begin({ client }, source);
    await fault.reached();
    await killAll(started);
    store.proxy.lift();

    const again = await startOn(store, { state, env: SETTINGS });
    await expectCopied(again, await again.client.ended(id), source);
    // What was copied before the kill is not copied again.
    if (bytes === disk) expect(store.proxy.passed('UploadPartCopy')).toBe(PARTS);
    expect(await again.settledFaults()).toEqual([]);
    await again.own.stop();
  },
);
