import { CompleteMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NamedPart } from '../../../storage/store.ts';
import { bytesOf, MIB, putParts } from '../content.ts';
import { put, refusal } from '../http.ts';
import { openTarget, type Target } from '../target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
});
afterAll(() => target.close());

async function upload(
  bodies: readonly Uint8Array[],
): Promise<{ key: string; id: string; parts: NamedPart[] }> {
  const key = target.newKey();
  const id = await target.store.openMultipart(key, 'application/octet-stream');
  return { key, id, parts: await putParts(target.store, key, id, bodies) };
}

test('parts that are not equally long', async () => {
  const { key, id, parts } = await upload([bytesOf(1, 5 * MIB), bytesOf(2, 6 * MIB), bytesOf(3, 10)]);
  const outcome = await target.store.completeMultipart(key, id, parts);
  const { unevenParts } = target.capabilities;
  expect(outcome).toEqual(unevenParts === 'accepted' ? 'completed' : { refused: unevenParts });
});

test('a completion that leaves parts out', async () => {
  const { key, id, parts } = await upload([bytesOf(1, 5 * MIB), bytesOf(2, 10), bytesOf(3, 10)]);
  const outcome = await target.store.completeMultipart(key, id, parts.slice(0, 2));
  const { completeSubset } = target.capabilities;
  expect(outcome).toEqual(completeSubset === 'accepted' ? 'completed' : { refused: completeSubset });
});

test('a second completion with another list', async () => {
  const { key, id, parts } = await upload([bytesOf(1, 5 * MIB), bytesOf(2, 10)]);
  expect(await target.store.completeMultipart(key, id, parts)).toBe('completed');
  const first = await target.store.head(key);
  await target.store.completeMultipart(key, id, parts.slice(0, 1));
  const second = await target.store.head(key);
  const outcome =
    second?.etag === first?.etag && second?.sizeBytes === first?.sizeBytes ? 'refused' : 'replaces';
  expect(outcome).toBe(target.capabilities.otherCompleteAfter);
});

test('a part after the completion, and the list of parts', async () => {
  const bodies = [bytesOf(1, 5 * MIB), bytesOf(2, 10)];
  const { key, id, parts } = await upload(bodies);
  const late = await target.store.presignPart(key, id, 2, 10, 600);
  await target.store.completeMultipart(key, id, parts);
  const listed = await target.store.listParts(key, id);
  expect(listed === undefined ? 'unknown' : 'listed').toBe(target.capabilities.partsAfterComplete);
  const answer = await put(late.url, bytesOf(9, 10), late.headers);
  expect(answer.status === 200 ? 'accepted' : answer.code).toBe(target.capabilities.latePart);
});

test('a part after the abortion', async () => {
  const { key, id } = await upload([bytesOf(1, 10)]);
  const late = await target.store.presignPart(key, id, 2, 10, 600);
  await target.store.abortMultipart(key, id);
  expect(await put(late.url, bytesOf(9, 10), late.headers)).toMatchObject({
    status: 404,
    code: 'NoSuchUpload',
  });
});

test('a completion with its parts in a wrong order', async () => {
  const { key, id, parts } = await upload([bytesOf(1, 5 * MIB), bytesOf(2, 10)]);
  const Parts = parts.toReversed().map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }));
  const command = new CompleteMultipartUploadCommand({
    Bucket: target.settings.bucket,
    Key: key,
    UploadId: id,
    MultipartUpload: { Parts },
  });
  const { status, code } = await refusal(target.client.send(command));
  expect(status).toBe(400);
  expect(['InvalidPartOrder', 'InvalidPart']).toContain(code);
});

test('open uploads are listed by prefix', async () => {
  const { key, id } = await upload([]);
  const uploads = async (prefix: string) => {
    const command = new ListMultipartUploadsCommand({ Bucket: target.settings.bucket, Prefix: prefix });
    const { Uploads } = await target.client.send(command);
    return (Uploads ?? []).map(({ Key, UploadId }) => ({ Key, UploadId }));
  };
  expect(await uploads(key)).toEqual([{ Key: key, UploadId: id }]);
  expect(await uploads(`${key}-no-such`)).toEqual([]);
  await target.store.abortMultipart(key, id);
  expect(await uploads(key)).toEqual([]);
});
