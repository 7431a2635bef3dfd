/** What the registry says of itself while it works: enough to follow a push, and nothing that opens anything. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../service/setup/eventually.ts';
import { startBreakable } from './setup/behind-proxy.ts';
import { accepted, brokenDisk, IMAGES, putPart, smallDisk } from './setup/client.ts';

const registry = await startBreakable({ BULLION_LAYER_GRACE_SECONDS: '0', BULLION_JOB_ATTEMPTS: '2' });
const { client, proxy, own } = registry;

type Line = Readonly<Record<string, unknown>>;

const lines = (): Line[] =>
  own.logLines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

/** Waits for a line with these members. */
const line = (members: Line): Promise<Line> =>
  eventually(`a line with ${JSON.stringify(members)}`, () =>
    lines().find((one) => Object.entries(members).every(([name, value]) => one[name] === value)),
  );

const COSTS = {
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  durationMs: expect.any(Number),
  d1RoundTrips: expect.any(Number),
  d1Statements: expect.any(Number),
  rowsRead: expect.any(Number),
  rowsWritten: expect.any(Number),
  s3Calls: expect.any(Number),
  messages: expect.any(Number),
};

describe('a push', () => {
  test.each([
    { how: 'that is accepted', bytes: smallDisk, done: 'judge-upload' },
    { how: 'that is refused', bytes: brokenDisk, done: 'discard-upload' },
  ])('$how is found by the ids of its request and its operation', async ({ bytes, done }) => {
    const headers = { 'X-Request-Id': `push-${done}` };
    const { id, metadata } = await client.upload(bytes);
    const { imageId } = metadata;
    accepted(await client.call('POST', `${IMAGES}/${imageId}:completeUpload`, {}, headers));
    await client.ended(id);

    const request = await line({ event: 'request', requestId: headers['X-Request-Id'] });
    expect(request).toMatchObject({
      ...COSTS,
      level: 'info',
      operationId: id,
      method: 'POST',
      route: `${IMAGES}/{imageId}:completeUpload`,
      status: 200,
      callerId: 'local-admin',
      outcome: 'OK',
    });
    expect(request.d1RoundTrips).toBeLessThanOrEqual(6);
    const job = await line({ event: 'job', kind: done, outcome: 'done', requestId: headers['X-Request-Id'] });
    expect(job).toMatchObject({ ...COSTS, level: 'info', operationId: id, attempts: 1 });
  });

  test('whose job is tried again and given up says why', async () => {
    const { id, metadata } = await client.upload(smallDisk);
    const outage = proxy.inject('deny', { operations: ['GetObject'] });
    accepted(await client.complete(metadata.imageId));
    const retry = await line({ event: 'job', outcome: 'retry', operationId: id });
    expect(retry).toMatchObject({ ...COSTS, level: 'warn', attempts: 1 });
    expect(retry.error).toContain('Object store, GetObject: 503 ServiceUnavailable');
    await registry.ended(id);
    expect(await line({ event: 'job', outcome: 'given-up', operationId: id })).toMatchObject({ attempts: 2 });
    outage.lift();
  });
});

describe('X-Request-Id', () => {
  const cases = [
    { method: 'GET', path: '/healthz' },
    { method: 'GET', path: `${IMAGES}?folderId=default` },
    { method: 'GET', path: `${IMAGES}/fd8unknown0000000000` },
    { method: 'GET', path: '/nothing/here' },
    { method: 'PUT', path: IMAGES },
    { method: 'POST', path: IMAGES, body: { folderId: 'default' } },
    { method: 'GET', path: `${IMAGES}?folderId=default`, headers: { Authorization: 'Api-Key wrong' } },
  ];
  test.each(cases)('is on the answer of $method $path, and in its details', async (request) => {
    const given = 'given-by-the-caller.1';
    const answer = await client.call<{ details?: { '@type': string }[] }>(
      request.method,
      request.path,
      request.body,
      { 'X-Request-Id': given, ...request.headers },
    );
    expect(answer.headers.get('X-Request-Id')).toBe(given);
    if (answer.status !== 200) {
      expect(answer.body.details).toContainEqual({
        '@type': 'type.googleapis.com/google.rpc.RequestInfo',
        requestId: given,
      });
    }
    expect(await line({ event: 'request', requestId: given, status: answer.status })).toMatchObject(COSTS);

    const made = await client.call(request.method, request.path, request.body, {
      'X-Request-Id': 'no good',
      ...request.headers,
    });
    expect(made.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('a tick of the clock says what all duties together cost, also when nothing was due', async () => {
  const ticks = () => lines().filter(({ event }) => event === 'tick');
  const before = ticks().length;
  await registry.runScheduled();
  await registry.runScheduled();
  const last = await eventually('two lines about ticks', () => ticks()[before + 1]);
  expect(last).toMatchObject({ ...COSTS, level: 'info', requestId: expect.any(String) });
  expect(last).not.toHaveProperty('error');
  expect(last.d1RoundTrips).toBeGreaterThan(0);
});

test('no line of all this holds a credential, a URL that opens something, or the secret of the store', async () => {
  // What might carry them besides: failures of every kind of call, and of the client's own.
  const everything = proxy.inject('refuse');
  const { metadata } = accepted(await client.create(smallDisk.length));
  await client.sign(metadata.imageId, [1]);
  everything.lift();
  const { parts } = accepted(await client.sign(metadata.imageId, [1]));
  await putPart(parts[0]!, smallDisk);
  for (const operations of [
    ['ListParts'],
    ['CompleteMultipartUpload'],
    ['HeadObject'],
    ['GetObject'],
  ] as const) {
    const fault = proxy.inject('refuse', { operations });
    await client.complete(metadata.imageId);
    await registry.runScheduled();
    fault.lift();
  }
  accepted(await client.call('DELETE', `${IMAGES}/${metadata.imageId}`));
  await registry.settledFaults();

  const key = own.key;
  const secrets = [
    'X-Amz-',
    'Signature=',
    'AWS4-HMAC',
    registry.secret,
    key,
    key.slice(key.lastIndexOf('_') + 1),
    ...parts.map(({ url }) => new URL(url).searchParams.get('X-Amz-Signature')!),
  ];
  expect(own.logLines.length).toBeGreaterThan(30);
  for (const logLine of own.logLines) {
    expect(secrets.filter((secret) => logLine.includes(secret))).toEqual([]);
    expect(logLine).not.toMatch(/https?:\/\/[^\s"]*\?/);
  }
});
