/**
 * Holds the storage contract against OpenStack Swift, a store that others wrote: starts it on loopback in a folder
 * of its own, runs the contract suite against it, and ends it. Exit code 0 only when every test passed.
 * It needs the Debian package python3-swift; SWIFT_PYTHON names another interpreter that can import swift.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PYTHON = process.env.SWIFT_PYTHON ?? '/usr/bin/python3';
const ORIGIN = 'http://console.example:8787';
const START_TIMEOUT_MS = 30_000;
const BUCKET = 'bullion-contract';

const probe = spawnSync(PYTHON, ['-c', 'import swift']);
if (probe.status !== 0) {
  console.error(
    `${PYTHON} cannot import swift: install the Debian package python3-swift (apt-get install python3-swift)`,
  );
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'bullion-swift-'));
const ports = await freePorts(4);
const credentials = { accessKeyId: 'test:tester', secretAccessKey: randomBytes(16).toString('hex') };
const endpoint = `http://127.0.0.1:${ports[0]}`;
const script = fileURLToPath(new URL('swift/launch.py', import.meta.url));
const swift = spawn(PYTHON, ['-B', script, join(folder, 'state'), ORIGIN, ...ports.map(String)], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { PATH: process.env.PATH, SWIFT_SECRET: credentials.secretAccessKey },
});
const swiftEnded = once(swift, 'exit');
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    swift.kill('SIGTERM');
    process.exitCode = 1;
  });
}

try {
  await started();
  await createBucket();
  process.exitCode = await runSuite();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  swift.kill('SIGTERM');
  await swiftEnded;
  await rm(folder, { recursive: true, force: true });
}

/** Ports that nobody listens on now. @param {number} count @returns {Promise<number[]>} */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const found = servers.map(
    (server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port,
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return found;
}

/** Any HTTP answer means that the proxy listens. */
async function started() {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (swift.exitCode !== null) throw new Error(`Swift ended at start with exit code ${swift.exitCode}`);
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Swift did not answer at ${endpoint} within ${START_TIMEOUT_MS / 1000} s`);
}

/** The storage servers may listen a moment after the proxy does; the SDK tries again. */
async function createBucket() {
  const client = new S3Client({
    endpoint,
    region: 'auto',
    forcePathStyle: true,
    credentials,
    maxAttempts: 10,
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
}

/** @returns {Promise<number>} the exit code of the suite */
async function runSuite() {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const suite = spawn(
    process.execPath,
    [vitest, 'run', '--project', 'storage', 'test/storage/contract', ...process.argv.slice(2)],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        ...process.env,
        BULLION_TEST_S3_STORE: 'swift',
        BULLION_TEST_S3_ENDPOINT: endpoint,
        BULLION_TEST_S3_REGION: 'auto',
        BULLION_TEST_S3_BUCKET: BUCKET,
        BULLION_TEST_S3_ACCESS_KEY_ID: credentials.accessKeyId,
        BULLION_TEST_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        BULLION_TEST_S3_ORIGIN: ORIGIN,
      },
    },
  );
  const [code] = await once(suite, 'exit');
  return code ?? 1;
}
