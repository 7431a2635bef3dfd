/** A gibibyte through the whole protocol: the bytes go to the store and come from it, never through the Worker. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { corpusEntry, materialise } from '../corpus.ts';
import { eventually } from '../service/setup/eventually.ts';
import { atEnd, temporaryFolder } from '../service/setup/registry.ts';
import { startEnvironment, startProcess } from '../service/setup/start-process.ts';
import { accepted, IMAGES, openClient, type SignedPart } from './setup/client.ts';

const MIB = 2 ** 20;
const SIZE = 1024 * MIB;
const AT_ONCE = 4;

/** Counts what clients send to a port, and passes everything on. */
async function startCounter(port: number): Promise<{ url: string; sentBytes(): number }> {
  let sentBytes = 0;
  const server = createServer((client) => {
    const behind = connect(port, '127.0.0.1');
    client.on('data', (chunk) => {
      sentBytes += chunk.length;
    });
    client.pipe(behind).pipe(client);
    for (const socket of [client, behind]) {
      socket.on('error', () => {
        client.destroy();
        behind.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
  };
}

/** The most memory that a process ever had, in bytes. */
function peakBytes(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** PUTs every part of a file, some at once, each read just before it is sent. */
async function putParts(path: string, parts: readonly SignedPart[]): Promise<void> {
  const file = await open(path);
  const left = parts.values();
  const sender = async () => {
    for (const part of left) {
      const body = new Uint8Array(Number(part.size));
      await file.read(body, 0, body.length, Number(part.offset));
      const answer = await fetch(part.url, { method: 'PUT', body });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`part ${part.partNumber}: ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await file.close();
}

async function sha256Of(chunks: AsyncIterable<Uint8Array>): Promise<{ digest: string; length: number }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { digest: hash.digest('hex'), length };
}

test('a gibibyte goes up and comes back the same, in little memory and past the Worker', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'disk.img');
  const entry = corpusEntry('mbr-syslinux.img');
  await materialise(entry, path);
  const file = await open(path, 'r+');
  await file.truncate(SIZE);
  const sent = sha256Of(file.createReadStream({ highWaterMark: MIB }));

  const env = await startEnvironment(join(folder, 'state'));
  const started = startProcess(env);
  await started.ready();
  const workerd: { pid: number } = JSON.parse(readFileSync(join(started.state, 'workerd.json'), 'utf8'));
  const counter = await startCounter(Number(env.PORT));
  const key = readFileSync(join(started.state, 'local-admin.key'), 'utf8').trim();
  const client = openClient(() => counter.url, key);

  const operation = accepted(await client.create(SIZE));
  const { imageId, upload } = operation.metadata;
  expect(upload).toMatchObject({ partSize: String(8 * MIB), partCount: 128 });
  const numbers = Array.from({ length: 128 }, (_, index) => index + 1);
  const { parts } = accepted(await client.sign(imageId, numbers));
  await putParts(path, parts);
  const status = await client.call<{ receivedBytes: string }>('GET', `${IMAGES}/${imageId}:upload`);
  expect(accepted(status).receivedBytes).toBe(String(SIZE));
  accepted(await client.complete(imageId));
  expect((await client.ended(operation.id)).response?.status).toBe('READY');

  const download = await client.call<{ url: string; size: string }>(
    'GET',
    `${IMAGES}/${imageId}:download`,
    undefined,
    { Accept: 'application/json' },
  );
  const bytes = await fetch(accepted(download).url);
  expect(await sha256Of(bytes.body as unknown as AsyncIterable<Uint8Array>)).toEqual(await sent);

  // Before it is asked for the digest again and again.
  expect(counter.sentBytes()).toBeLessThan(64 * 1024);

  // Nobody declared a digest, so the whole is read in slices once the image is READY.
  const { digest } = await sent;
  const found = await eventually(
    'the digest',
    async () => {
      const image = await client.call<{ digest?: string }>('GET', `${IMAGES}/${imageId}`);
      return accepted(image).digest;
    },
    60_000,
  );
  expect(found).toBe(`sha256:${digest}`);

  expect(peakBytes(started.pid)).toBeLessThan(400 * MIB);
  // Of what was read for the digest the runtime lets go when it needs the room, far below the whole.
  expect(peakBytes(workerd.pid)).toBeLessThan(280 * MIB);
  const reads = [...started.output().matchAll(/"event":"job".*"kind":"judge-upload".*"s3Calls":(\d+)/g)].map(
    ([, calls]) => Number(calls),
  );
  expect(reads).toHaveLength(1);
  expect(reads[0]).toBeLessThan(100);
}, 120_000);
