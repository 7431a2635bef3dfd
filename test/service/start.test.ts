import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { demoDisk } from '../../dev/demo-disk/disk.ts';
import { type RunningProcess, runningProcess } from '../../dev/processes.ts';
import { projectFolder } from '../../dev/project.ts';
import { eventually } from './setup/eventually.ts';
import { registry, startOwn, temporaryFolder } from './setup/registry.ts';
import { type StartProcess, startEnvironment, startProcess } from './setup/start-process.ts';

const MIB = 1024 * 1024;
const execFileAsync = promisify(execFile);

const newState = () => join(temporaryFolder(), 'state');

const health = async (url: string) => (await fetch(`${url}/healthz`)).status;

const keyOf = (state: string) => readFileSync(join(state, 'local-admin.key'), 'utf8');

/** The workerd of a running start, as its state folder has it. */
function workerdOf({ state }: StartProcess): RunningProcess {
  const recorded = JSON.parse(readFileSync(join(state, 'workerd.json'), 'utf8')) as RunningProcess;
  const running = runningProcess(recorded.pid);
  if (running === undefined) throw new Error(`workerd ${recorded.pid} does not run`);
  return running;
}

const hasEnded = ({ pid, startedAt }: RunningProcess) => runningProcess(pid)?.startedAt !== startedAt;

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return server;
}

describe('a start', () => {
  test('answers, keeps its secrets to its owner, and says where it is', async () => {
    const env = await startEnvironment(newState());
    const started = startProcess(env);
    await started.ready();
    expect(await health(started.url)).toBe(200);
    const key = keyOf(env.BULLION_STATE);
    expect(key).toMatch(/^bln_[0-9a-v]{12}_[\w-]{43}\n$/);
    for (const line of [started.url, `http://127.0.0.1:${env.S3_PORT}`, env.BULLION_STATE, key.trim()]) {
      expect(started.output()).toContain(line);
    }
    const mode = (...path: string[]) => statSync(join(env.BULLION_STATE, ...path)).mode & 0o777;
    expect([mode(), mode('local-admin.key'), mode('object-store.json')]).toEqual([0o700, 0o600, 0o600]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with all its parts on %s, in under a second',
    async (signal) => {
      const started = startProcess(await startEnvironment(newState()));
      await started.ready();
      const workerd = workerdOf(started);
      const exit = await started.end(signal);
      expect(exit).toMatchObject({ code: 0, signal: null });
      expect(exit.milliseconds).toBeLessThan(1_000);
      expect(hasEnded(workerd)).toBe(true);
      expect(readdirSync(join(started.state, 'claims'))).toEqual([]);
    },
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)('by npm ends when npm gets %s', async (signal) => {
    const started = startProcess(await startEnvironment(newState()), 'npm');
    await started.ready();
    const workerd = workerdOf(started);
    await started.end(signal);
    await eventually('the end of workerd', () => hasEnded(workerd), 3_000);
    await eventually(
      'the end of the claim',
      () => readdirSync(join(started.state, 'claims')).length === 0,
      3_000,
    );
  });

  test('ends with a line when workerd ends by itself', async () => {
    const started = startProcess(await startEnvironment(newState()));
    await started.ready();
    process.kill(workerdOf(started).pid, 'SIGKILL');
    const exit = await started.exited();
    expect(exit.code).toBe(1);
    expect(exit.output).toContain('workerd ended by itself (SIGKILL)');
  });
});

describe('what a start says to do', () => {
  test('the commands of a first push work as printed', async () => {
    const started = startProcess(await startEnvironment(newState()));
    await started.ready();
    const commands = started
      .output()
      .split('\n')
      .filter((line) => /^ {2}(KEY|IMAGE|PART|curl)\b/.test(line));
    expect(commands).toHaveLength(5);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'disk.img'), demoDisk('1').subarray(4 * MIB, 11 * MIB));
    const { stdout } = await execFileAsync('sh', ['-ec', commands.join('\n')], { cwd: folder });
    const { metadata } = JSON.parse(stdout) as { metadata: { imageId: string } };
    const headers = { Authorization: `Api-Key ${keyOf(started.state).trim()}` };
    await eventually('the image to be READY', async () => {
      const response = await fetch(`${started.url}/compute/v1/images/${metadata.imageId}`, { headers });
      const image = (await response.json()) as { status: string; family: string };
      return response.ok && image.status === 'READY' && image.family === 'first';
    });
  });

  test('npm run demo pushes its disk, finds it and downloads it, and again', async () => {
    const env = { ...process.env, BULLION_URL: registry.url, BULLION_KEY: registry.key };
    for (const round of [1, 2]) {
      const { stdout } = await execFileAsync(process.execPath, ['dev/run.mjs', 'demo'], {
        cwd: projectFolder,
        env,
      });
      expect(stdout, `round ${round}`).toContain('the same bytes as those that were made');
      expect(stdout).toMatch(/Done: image \w+ stays in the family demo/);
    }
  });

  test('npm run demo says in one line that no registry answers', async () => {
    const { PORT } = await startEnvironment(newState());
    const env = { ...process.env, BULLION_URL: `http://127.0.0.1:${PORT}`, BULLION_KEY: registry.key };
    await expect(
      execFileAsync(process.execPath, ['dev/run.mjs', 'demo'], { cwd: projectFolder, env }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: `http://127.0.0.1:${PORT} does not answer (ECONNREFUSED); start a registry with npm start, or name one with BULLION_URL\n`,
    });
  });
});

describe('a killed start', () => {
  test('leaves state and key for the next, which ends the workerd that was left', async () => {
    const env = await startEnvironment(newState());
    const first = startProcess(env);
    await first.ready();
    const left = workerdOf(first);
    const key = keyOf(env.BULLION_STATE);
    await first.end('SIGKILL');
    expect(hasEnded(left)).toBe(false);

    const second = startProcess(env);
    await second.ready();
    expect(hasEnded(left)).toBe(true);
    expect(await health(second.url)).toBe(200);
    expect(keyOf(env.BULLION_STATE)).toBe(key);
    expect(second.output()).toContain(`ended workerd ${left.pid}`);
    expect((await second.end('SIGTERM')).code).toBe(0);
  });

  test('can be followed by another one whenever it was killed', async () => {
    const env = await startEnvironment(newState());
    for (const afterMs of [100, 250, 400, 500, 600, 700, 800, 1_000]) {
      const killed = startProcess(env);
      await delay(afterMs);
      await killed.end('SIGKILL');
    }
    const started = startProcess(env);
    await started.ready();
    expect(await health(started.url)).toBe(200);
    expect(started.output()).toContain(keyOf(env.BULLION_STATE).trim());
    expect((await started.end('SIGTERM')).code).toBe(0);
    expect(readdirSync(join(env.BULLION_STATE, 'claims'))).toEqual([]);
  });
});

describe('a start is refused in one line', () => {
  test.each(['PORT', 'S3_PORT'] as const)('when %s is in use', async (setting) => {
    const env = await startEnvironment(newState());
    const other = await listenOn(Number(env[setting]));
    try {
      const exit = await startProcess(env).exited();
      expect(exit).toMatchObject({
        code: 1,
        output: `port ${env[setting]} on 127.0.0.1 is in use; end the program that listens there or set ${setting} to another port\n`,
      });
      expect(readdirSync(join(env.BULLION_STATE, 'claims'))).toEqual([]);
    } finally {
      await new Promise((closed) => other.close(closed));
    }
  });

  const refusals: readonly { why: string; env: Record<string, string>; line: string }[] = [
    {
      why: 'a setting is unknown',
      env: { BULLION_UPLOAD_TTL: '60' },
      line: 'BULLION_UPLOAD_TTL: no such setting; the README lists them all\n',
    },
    {
      why: 'a setting of the Worker is malformed',
      env: { BULLION_URL_TTL_SECONDS: 'an hour' },
      line: 'BULLION_URL_TTL_SECONDS: must be a whole number from 1 to 604800 (is "an hour")\n',
    },
    {
      why: 'a setting of the start is malformed',
      env: { BULLION_SWEEP_SECONDS: '0' },
      line: 'BULLION_SWEEP_SECONDS: must be a whole number from 1 to 3600 (is "0")\n',
    },
    {
      why: 'a zone is no name',
      env: { BULLION_ZONES: 'moon-1a, Mars' },
      line: 'BULLION_ZONES: must be names of lower-case letters, digits and hyphens, separated by commas (is "moon-1a, Mars")\n',
    },
    {
      why: 'an address is no URL',
      env: { S3_PUBLIC_ENDPOINT: 'store.example:9000' },
      line: 'S3_PUBLIC_ENDPOINT: must be a URL that begins with http:// or https:// (is "store.example:9000")\n',
    },
    {
      why: 'the two ports are one',
      env: { PORT: '4711', S3_PORT: '4711' },
      line: 'S3_PORT: must be another port than PORT, which is 4711\n',
    },
    {
      why: 'another store has no credential',
      env: { S3_ENDPOINT: 'http://127.0.0.1:9', S3_ACCESS_KEY_ID: 'somebody' },
      line: 'S3_SECRET_ACCESS_KEY: is not set\n',
    },
    {
      why: 'a credential has no store',
      env: { S3_SECRET_ACCESS_KEY: 'something' },
      line: 'S3_SECRET_ACCESS_KEY: is for the store that S3_ENDPOINT names; set both or neither\n',
    },
    {
      why: 'the address is not of this machine',
      env: { HOST: '192.0.2.1' },
      line: 'HOST: 192.0.2.1 is no address of this machine\n',
    },
  ];
  test.concurrent.each(refusals)('when $why', async ({ env, line }) => {
    const exit = await startProcess({ ...(await startEnvironment(newState())), ...env }).exited();
    expect(exit).toMatchObject({ code: 1, output: line });
  });

  test('when the state folder is in use, which goes on undisturbed', async () => {
    const env = await startEnvironment(newState());
    const first = startProcess(env);
    await first.ready();
    const other = await startEnvironment(env.BULLION_STATE);
    const exit = await startProcess(other).exited();
    expect(exit).toMatchObject({
      code: 1,
      output: `the state folder ${env.BULLION_STATE} is in use by process ${first.pid}; stop that one or set BULLION_STATE to another folder\n`,
    });
    expect(await health(first.url)).toBe(200);
  });

  test('when a newer version made the state', async () => {
    const env = await startEnvironment(newState());
    const own = await startOwn({ state: env.BULLION_STATE });
    const database = await own.local.database();
    await database.prepare("INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')").run();
    await own.stop();
    const exit = await startProcess(env).exited();
    expect(exit).toMatchObject({
      code: 1,
      output:
        'the state was made by a newer version (its database has 9999_later.sql); start that version or set BULLION_STATE to another folder\n',
    });
  });
});

test('of two starts at the same time on one state folder at most one runs', async () => {
  const state = newState();
  const processes = await Promise.all([0, 1, 2].map(async () => startProcess(await startEnvironment(state))));
  const outcomes = await Promise.all(
    processes.map((started) =>
      started.ready().then(
        () => 'ready',
        (error: Error) => (error.message.includes('is in use by process') ? 'refused' : error.message),
      ),
    ),
  );
  expect(outcomes.toSorted()).toEqual(['ready', 'refused', 'refused']);
});
