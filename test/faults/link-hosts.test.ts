/** Hosts of links that refuse, lie, change their minds, or stop in the middle. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../service/client.ts';
import { rangeHeaders, type ServedFile, SIGNATURE, startFileHost } from '../service/setup/file-host.ts';
import { type OwnRegistry, startOwn } from '../service/setup/registry.ts';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, IMAGES, openClient } from './setup/client.ts';
import { everything } from './setup/everything.ts';
import {
  answered,
  breaksOff,
  disk,
  honest,
  isFirst,
  isPart,
  PART_BYTES,
  partAnswered,
  partOfLength,
  status,
  withHeaders,
} from './setup/files-of-three-parts.ts';

const host = await startFileHost();
/** Is on no list: what redirects to it must not be followed. */
const inner = await startFileHost();
const registry = await startBreakable({
  BULLION_IMPORT_ORIGINS: host.origin,
  BULLION_TRUSTED_ORIGINS: `${host.origin},${inner.origin}`,
  BULLION_SOURCE_TIMEOUT_SECONDS: '1',
  BULLION_JOB_ATTEMPTS: '2',
  BULLION_LAYER_GRACE_SECONDS: '0',
});
const { client } = registry;

const OK = 0;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const FAILED_PRECONDITION = 9;
const UNAVAILABLE = 14;

interface Misbehaviour {
  readonly name: string;
  /** Anew for each test, so that it can count. */
  readonly file: () => ServedFile;
  readonly code: number;
  readonly message?: string;
}

const MISBEHAVIOURS: readonly Misbehaviour[] = [
  {
    name: 'redirects inside',
    file: () => status(302, { Location: `${inner.origin}/inner?${SIGNATURE}` }),
    code: FAILED_PRECONDITION,
    message: 'redirect (302)',
  },
  {
    name: 'redirects inside in the middle',
    file: () =>
      partAnswered(2, ({ response }) => response.writeHead(307, { Location: `${inner.origin}/inner` }).end()),
    code: FAILED_PRECONDITION,
    message: 'redirect (307)',
  },
  { name: 'answers 401', file: () => status(401), code: FAILED_PRECONDITION, message: '401' },
  { name: 'answers 403', file: () => status(403), code: FAILED_PRECONDITION, message: '403' },
  { name: 'answers 404', file: () => status(404), code: FAILED_PRECONDITION, message: '404' },
  {
    name: 'answers 403 in the middle',
    file: () => partAnswered(3, ({ response }) => response.writeHead(403).end()),
    code: FAILED_PRECONDITION,
    message: '403',
  },
  { name: 'answers 400', file: () => status(400), code: INVALID_ARGUMENT, message: '400' },
  {
    name: 'ignores ranges',
    file: () => answered(({ response }) => response.writeHead(200, { ETag: '"one"' }).end(disk)),
    code: INVALID_ARGUMENT,
    message: 'ignores ranges',
  },
  {
    name: 'answers with another range',
    file: () => withHeaders({ 'Content-Range': `bytes 1-1/${disk.length}` }, 'first'),
    code: INVALID_ARGUMENT,
    message: 'another range',
  },
  {
    name: 'answers with another range in the middle',
    file: () => withHeaders({ 'Content-Range': `bytes 0-${PART_BYTES - 1}/${disk.length}` }, 'second'),
    code: INVALID_ARGUMENT,
    message: 'another range',
  },
  {
    name: 'hides the length',
    file: () => withHeaders({ 'Content-Range': 'bytes 0-0/*' }, 'first'),
    code: INVALID_ARGUMENT,
    message: 'how long',
  },
  {
    name: 'says more than 5 TiB',
    file: () => withHeaders({ 'Content-Range': `bytes 0-0/${5 * 2 ** 40 + 1}` }, 'first'),
    code: INVALID_ARGUMENT,
    message: '5 TiB',
  },
  {
    name: 'has nothing',
    file: () => honest({ bytes: new Uint8Array(0) }),
    code: INVALID_ARGUMENT,
    message: 'empty',
  },
  {
    name: 'has no version',
    file: () => honest({ etag: undefined }),
    code: INVALID_ARGUMENT,
    message: 'neither a strong ETag',
  },
  {
    name: 'compresses',
    file: () => withHeaders({ 'Content-Encoding': 'gzip' }, 'first'),
    code: INVALID_ARGUMENT,
    message: 'Content-Encoding',
  },
  {
    name: 'compresses in the middle',
    file: () => withHeaders({ 'Content-Encoding': 'gzip' }, 'second'),
    code: INVALID_ARGUMENT,
    message: 'Content-Encoding',
  },
  {
    name: 'changes the file, and says so',
    file: () =>
      honest({
        instead(asked, file) {
          if (isPart(asked, 2)) file.etag = '"two"';
          return false;
        },
      }),
    code: FAILED_PRECONDITION,
    message: 'changed while it was copied',
  },
  {
    name: 'changes the file, and sends it all the same',
    file: () => withHeaders({ ETag: '"two"' }, 'second'),
    code: FAILED_PRECONDITION,
    message: 'changed while',
  },
  {
    name: 'changes the length',
    file: () =>
      withHeaders(
        { 'Content-Range': `bytes ${PART_BYTES}-${2 * PART_BYTES - 1}/${disk.length + 1}` },
        'second',
      ),
    code: FAILED_PRECONDITION,
    message: 'changed while',
  },
  {
    name: 'changes the date of a file without a tag',
    file: () =>
      honest({
        etag: 'W/"one"',
        lastModified: 'Sat, 21 Nov 2026 12:00:00 GMT',
        instead(asked, file) {
          if (isPart(asked, 2)) file.lastModified = 'Sat, 21 Nov 2026 12:00:01 GMT';
          return false;
        },
      }),
    code: FAILED_PRECONDITION,
    message: 'changed while',
  },
  {
    name: 'sends parts that are too short',
    file: () => partOfLength(-1),
    code: UNAVAILABLE,
    message: 'sent fewer bytes',
  },
  {
    name: 'sends parts that are too long',
    file: () => partOfLength(1),
    code: UNAVAILABLE,
    message: 'sent more bytes',
  },
  {
    name: 'breaks the connection off',
    file: () => breaksOff(),
    code: UNAVAILABLE,
    message: 'broke the connection off',
  },
  {
    name: 'never answers',
    file: () => answered(() => undefined),
    code: DEADLINE_EXCEEDED,
    message: 'did not answer in time',
  },
  {
    name: 'stops in the middle of a part',
    file: () =>
      partAnswered(2, ({ first, last, response }, file) => {
        response.writeHead(206, rangeHeaders(file, first!, last!));
        response.write(disk.subarray(first, first! + 1_000_000));
      }),
    code: DEADLINE_EXCEEDED,
    message: 'stopped sending',
  },
  { name: 'answers 500', file: () => status(500), code: UNAVAILABLE, message: 'answered with 500' },
  { name: 'answers 429', file: () => status(429), code: UNAVAILABLE, message: 'answered with 429' },
  {
    name: 'answers 500 once',
    file: () => {
      let met = 0;
      return honest({
        instead: (asked) => {
          met += 1;
          if (!isFirst(asked) || met > 1) return false;
          asked.response.writeHead(500).end();
          return true;
        },
      });
    },
    code: OK,
  },
  { name: 'breaks the connection off once', file: () => breaksOff(1), code: OK },
  { name: 'sends a part that is too short once', file: () => partOfLength(-1, 1), code: OK },
  {
    name: 'gives a date and no tag',
    file: () => honest({ etag: undefined, lastModified: 'Sat, 21 Nov 2026 12:00:00 GMT' }),
    code: OK,
  },
  { name: 'behaves', file: () => honest(), code: OK },
];

describe('a host that', () => {
  test.each(MISBEHAVIOURS)('$name', async ({ name, file, code, message = '' }) => {
    const path = `/${name.replaceAll(/[^a-z0-9]/g, '-')}`;
    const uri = host.serve(path, file());
    const operation = accepted(await client.call('POST', IMAGES, { folderId: 'default', uri }));
    const ended = await registry.ended(operation.id);
    expect(ended.error?.code ?? OK, JSON.stringify(ended.error)).toBe(code);
    expect(ended.error?.message ?? '').toContain(message);
    const image = await client.call('GET', `${IMAGES}/${operation.metadata.imageId}`);
    expect(image.status).toBe(code === OK ? 200 : 404);
    if (code === OK) {
      const download = await fetch(
        `${registry.own.local.url}${IMAGES}/${operation.metadata.imageId}:download`,
        {
          headers: { Authorization: `Api-Key ${registry.own.key}` },
        },
      );
      expect(sha256(new Uint8Array(await download.arrayBuffer()))).toBe(sha256(disk));
      accepted(await client.call('DELETE', `${IMAGES}/${operation.metadata.imageId}`));
    }
    expect(await registry.settledFaults()).toEqual([]);
    expect(inner.connections()).toBe(0);
  });

  test('was named in a link leaves nothing of its signature, in rows, logs or answers', async () => {
    expect(await everything(await registry.database())).not.toContain(SIGNATURE);
    expect(registry.logLines.join('\n')).not.toContain(SIGNATURE);
  });
});

describe('a name that leads inside', async () => {
  const origins = ['localhost', '127.0.0.1'].map((name) => `https://${name}:${host.port}`);
  const importOnce = { BULLION_IMPORT_ORIGINS: origins.join(','), BULLION_JOB_ATTEMPTS: '1' };
  const wary = await startOwn({ env: importOnce });
  const trusting = await startOwn({ env: { ...importOnce, BULLION_TRUSTED_ORIGINS: origins.join(',') } });

  /** How many connections the host got from an import, which fails in any case: the host does not speak TLS. */
  const connectionsOf = async ({ local, key, logLines }: OwnRegistry, origin: string) => {
    const before = host.connections();
    const caller = openClient(() => local.url, key);
    const uri = `${origin}/inside?${SIGNATURE}`;
    const { id } = accepted(await caller.call('POST', IMAGES, { folderId: 'default', uri }));
    const { error } = await caller.ended(id);
    expect(error).toMatchObject({
      code: UNAVAILABLE,
      message: expect.stringContaining(`${origin} could not be reached`),
    });
    expect(logLines.join('\n')).not.toContain(SIGNATURE);
    return host.connections() - before;
  };

  test.each(origins)('is not connected to, although links may lead there: %s', async (origin) => {
    expect(await connectionsOf(wary, origin)).toBe(0);
  });

  test.each(origins)('is connected to when it is trusted: %s', async (origin) => {
    expect(await connectionsOf(trusting, origin)).toBe(1);
  });
});
