import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../../storage/store.ts';
import { bytesOf, MIB } from '../content.ts';
import { openWorkshop, type StoreProcess, type Workshop } from './child.ts';

let workshop: Workshop;
let process: StoreProcess;
beforeAll(async () => {
  workshop = await openWorkshop();
  process = await workshop.start();
});
afterAll(() => workshop.remove());

const SIZE = 1024 * MIB;
const RSS_CEILING = 160 * MIB;

/** Sends `SIZE` bytes, waiting whenever the store does. */
async function putLarge(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const chunk = bytesOf(1, MIB);
  const outgoing = request(url, { method: 'PUT', headers, agent: false });
  const answered = once(outgoing, 'response');
  for (let sent = 0; sent < SIZE; sent += chunk.length) {
    if (!outgoing.write(chunk)) await once(outgoing, 'drain');
  }
  outgoing.end();
  const [answer] = await answered;
  return answer.resume();
}

async function open(url: string): Promise<IncomingMessage> {
  const outgoing = request(url, { agent: false }).end();
  const [answer] = await once(outgoing, 'response');
  return answer;
}

async function lengthOf(answer: AsyncIterable<Buffer>): Promise<number> {
  let length = 0;
  for await (const chunk of answer) length += chunk.length;
  return length;
}

test('an object of 1 GiB goes in and out in constant memory, slow readers included', async () => {
  const store = openStore(process.settings);
  const key = 'layers/large';
  const id = await store.openMultipart(key, 'application/octet-stream');
  const { url, headers } = await store.presignPart(key, id, 1, SIZE, 600);
  const put = await putLarge(url, headers);
  expect(put.statusCode).toBe(200);
  const parts = await store.listParts(key, id);
  expect(await store.completeMultipart(key, id, parts ?? [])).toBe('completed');

  const download = await store.presignDownload(key, { fileName: 'large', contentType: 'text/plain' }, 600);
  // Nobody takes these bodies while the same object is read to its end beside them.
  const slow = await Promise.all([open(download), open(download)]);
  expect(await lengthOf(await open(download))).toBe(SIZE);
  for (const answer of slow) answer.destroy();
  expect(await process.peakRssBytes()).toBeLessThan(RSS_CEILING);
});
