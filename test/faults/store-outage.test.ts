import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { type BreakableRegistry, startBreakable } from './setup/behind-proxy.ts';
import { accepted, brokenDisk, IMAGES, type Operation, putPart, smallDisk } from './setup/client.ts';
import type { FaultKind, S3Operation } from './setup/fault-proxy.ts';

/** A call to the store is tried three times before the registry gives up on it. */
const WHOLE_CALL = 3;

const registry = await startBreakable({
  BULLION_LAYER_GRACE_SECONDS: '0',
  BULLION_RECONCILE_GRACE_SECONDS: '0',
});
const { client, proxy } = registry;

/** Repeats a step of a client until it succeeds, as clients do after a 503; out: how often it was refused. */
async function insisting(step: () => Promise<number>): Promise<number> {
  for (let refusals = 0; ; refusals += 1) {
    const status = await step();
    if (status === 200) return refusals;
    if (refusals === 10 || ![0, 500, 503].includes(status)) throw new Error(`answered with ${status}`);
  }
}

/** Begins an image and breaks one kind of call for its object, as often as a whole call is tried. */
async function createWithFault(kind: FaultKind, operation: S3Operation, sizeBytes: number) {
  const created = accepted(await client.create(sizeBytes));
  const [layer] = await registry.sql<{ id: string }>(
    'SELECT layer_id AS id FROM images WHERE id = ?',
    created.metadata.imageId,
  );
  const fault = proxy.inject(kind, { operations: [operation], key: layer!.id, times: WHOLE_CALL });
  return { created, fault };
}

/** Sends and completes a disk, insisting on each step; out: the operation at its end. */
async function sendInsisting({ id, metadata }: Operation, bytes: Uint8Array): Promise<Operation> {
  const { imageId } = metadata;
  await insisting(async () => (await client.sign(imageId, [1])).status);
  const { parts } = accepted(await client.sign(imageId, [1]));
  await insisting(() => putPart(parts[0]!, bytes).catch(() => 0));
  await insisting(async () => (await client.complete(imageId)).status);
  return await registry.ended(id);
}

/** How many parts all uploads hold that are open in the store. */
async function openParts({ behind: { store, bucket } }: BreakableRegistry): Promise<number> {
  const { Uploads = [] } = await store.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  let parts = 0;
  for (const { Key, UploadId } of Uploads) {
    const one = { Bucket: bucket, Key, UploadId };
    parts += (await store.send(new ListPartsCommand(one))).Parts?.length ?? 0;
  }
  return parts;
}

/** Compares rows and store. out: the kinds of what was found, and whether each was mended. */
async function reconcile(apply: boolean): Promise<readonly (readonly [finding: string, mended: boolean])[]> {
  const { report } = accepted(
    await client.call<{ report: { finding?: string; mended: boolean }[] }>('POST', '/maintenance/v1/runs', {
      duty: 'reconcile',
      apply,
    }),
  );
  return report.flatMap(({ finding, mended }) => (finding === undefined ? [] : [[finding, mended] as const]));
}

const steps: readonly { operation: S3Operation; kinds: readonly FaultKind[] }[] = [
  { operation: 'CreateMultipartUpload', kinds: ['refuse', 'deny'] },
  { operation: 'UploadPart', kinds: ['refuse', 'deny', 'lose-answer', 'deny-answer'] },
  { operation: 'ListParts', kinds: ['refuse', 'deny', 'cut-answer'] },
  {
    operation: 'CompleteMultipartUpload',
    kinds: ['refuse', 'deny', 'lose-answer', 'deny-answer', 'cut-answer'],
  },
  { operation: 'HeadObject', kinds: ['refuse', 'deny'] },
  { operation: 'GetObject', kinds: ['refuse', 'deny', 'lose-answer', 'cut-answer'] },
];
const table = (rows: typeof steps) =>
  rows.flatMap(({ operation, kinds }) => kinds.map((kind) => ({ operation, kind })));

describe('a creation goes on when the store comes back', () => {
  test.concurrent.each(table(steps))('$operation, $kind', async ({ operation, kind }) => {
    const { created, fault } = await createWithFault(kind, operation, smallDisk.length);
    const ended = await sendInsisting(created, smallDisk);
    expect(fault.hits).toBe(WHOLE_CALL);
    expect(ended.response?.status).toBe('READY');
  });

  test('and all is whole', async () => expect(await registry.settledFaults()).toEqual([]));

  test.each(['lose-answer', 'deny-answer'] as const)(
    'CreateMultipartUpload, %s: only open uploads without a part are left, which reconciliation ends',
    async (kind) => {
      const { created, fault } = await createWithFault(kind, 'CreateMultipartUpload', smallDisk.length);
      expect((await sendInsisting(created, smallDisk)).response?.status).toBe('READY');
      expect(fault.hits).toBe(WHOLE_CALL);
      const unknown = expect.stringMatching(/^no row names the store's upload \w+$/);
      expect(await registry.settledFaults()).toEqual([unknown, unknown, unknown]);
      expect(await openParts(registry)).toBe(0);
      const unknownUploads = (mended: boolean) => Array(3).fill(['UNKNOWN_UPLOAD', mended]);
      expect(await reconcile(false)).toEqual(unknownUploads(false));
      expect(await reconcile(true)).toEqual(unknownUploads(true));
      expect(await reconcile(false)).toEqual([]);
      expect(await registry.settledFaults()).toEqual([]);
    },
  );
});

describe('what an end leaves in the store goes when the store comes back', () => {
  const ends: typeof steps = [
    { operation: 'AbortMultipartUpload', kinds: ['refuse', 'deny', 'lose-answer', 'deny-answer'] },
    { operation: 'DeleteObject', kinds: ['refuse', 'deny', 'lose-answer', 'deny-answer'] },
  ];

  test.concurrent.each(table(ends))('of a refused disk: $operation, $kind', async ({ operation, kind }) => {
    const { created, fault } = await createWithFault(kind, operation, brokenDisk.length);
    expect((await sendInsisting(created, brokenDisk)).error?.code).toBe(3);
    await fault.reached(WHOLE_CALL);
  });

  test.concurrent.each(table(ends))(
    'of an aborted upload: $operation, $kind',
    async ({ operation, kind }) => {
      const { created, fault } = await createWithFault(kind, operation, smallDisk.length);
      const { imageId } = created.metadata;
      const { parts } = accepted(await client.sign(imageId, [1]));
      expect(await putPart(parts[0]!, smallDisk)).toBe(200);
      expect(accepted(await client.call('POST', `${IMAGES}/${imageId}:abortUpload`)).error?.code).toBe(1);
      await fault.reached(WHOLE_CALL);
    },
  );

  test.concurrent.each(['refuse', 'deny', 'lose-answer'] as const)('of a deleted image: %s', async (kind) => {
    const { created, fault } = await createWithFault(kind, 'DeleteObject', smallDisk.length);
    expect((await sendInsisting(created, smallDisk)).response?.status).toBe('READY');
    accepted(await client.call('DELETE', `${IMAGES}/${created.metadata.imageId}`));
    await registry.tick();
    await fault.reached(WHOLE_CALL);
  });

  test('and all is whole', async () => expect(await registry.settledFaults()).toEqual([]));
});

test('while the store is away, what needs it is answered with 503 and goes on afterwards', async () => {
  const { metadata, id } = await client.upload(smallDisk);
  const outage = proxy.inject('refuse');
  const refused = await client.complete(metadata.imageId);
  expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
  expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
  expect(JSON.stringify(refused.body)).not.toMatch(/127\.0\.0\.1|layers\//);
  outage.lift();
  accepted(await client.complete(metadata.imageId));
  expect((await registry.ended(id)).response?.status).toBe('READY');
});
