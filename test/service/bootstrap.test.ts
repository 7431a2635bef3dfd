/** The commands of a deployment, as far as they go without an account: wrangler on a database of this machine. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../dev/project.ts';
import { sqlLiteral } from '../../dev/wrangler.ts';
import { everything } from '../faults/setup/everything.ts';
import { Client } from './client.ts';
import { startOwn, temporaryFolder } from './setup/registry.ts';

const KEY = /bln_[0-9a-v]{12}_[\w-]{43}/g;

async function run(...programArguments: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, programArguments, {
    cwd: projectFolder,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((closed) => child.once('close', closed));
  return { code, output };
}

const bootstrap = (...more: string[]) => run(join('dev', 'run.mjs'), 'bootstrap', ...more);

test('a database gets one first administrator, whose key works', async () => {
  const folder = temporaryFolder();
  const empty = await bootstrap('--local', folder);
  expect(empty).toMatchObject({ code: 1, output: expect.stringContaining('run npm run deploy first') });

  const migrate = ['d1', 'migrations', 'apply', 'bullion', '--local', '--persist-to', folder];
  expect((await run(join('node_modules', '.bin', 'wrangler'), ...migrate)).code).toBe(0);

  // Two at once make one administrator.
  const both = await Promise.all([
    bootstrap('--local', folder, '--cloud', 'one'),
    bootstrap('--local', folder, '--cloud', 'two'),
  ]);
  expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
  const made = both.find(({ code }) => code === 0)!.output;
  expect(both.find(({ code }) => code === 1)!.output).toContain('there is an administrator already');
  const [key, ...others] = made.match(KEY) ?? [];
  expect(others).toEqual([]);

  const another = await bootstrap('--local', folder, '--new-key');
  expect(another.code).toBe(0);
  const [newKey] = another.output.match(KEY) ?? [];

  // The registry on that database knows both keys, as an administrator of the organization.
  const state = join(temporaryFolder(), 'state');
  mkdirSync(state, { mode: 0o700 });
  expect(readdirSync(join(folder, 'v3', 'd1'))).not.toEqual([]);
  renameSync(join(folder, 'v3', 'd1'), join(state, 'd1'));
  const own = await startOwn({ state });
  const everyRow = await everything(await own.local.database());
  for (const secret of [key!, newKey!]) expect(everyRow).not.toContain(secret);
  const [, cloudId] = /cloud +(\S+)/.exec(made) ?? [];
  const [, folderId] = /folder +(\S+)/.exec(made) ?? [];
  for (const secret of [key, newKey]) {
    const api = new Client(own.local.url, secret);
    const clouds = await api.get<{ clouds: { id: string }[] }>('/resource-manager/v1/clouds');
    expect(clouds.clouds.map(({ id }) => id)).toEqual([cloudId]);
    expect(await api.images(folderId!)).toEqual([]);
    await api.get('/maintenance/v1/duties');
  }
}, 120_000);

test.each([
  { value: "it's", literal: "'it''s'" },
  { value: "'); DROP TABLE clouds; --", literal: "'''); DROP TABLE clouds; --'" },
  { value: 1_700_000_000_000, literal: '1700000000000' },
])('a value becomes the literal $literal', ({ value, literal }) => {
  expect(sqlLiteral(value)).toBe(literal);
});

test.each(['a\0b', 1.5, Number.NaN])('%j is no literal', (value) => {
  expect(() => sqlLiteral(value)).toThrow(RangeError);
});

test('a name of a cloud that the API would refuse is refused', async () => {
  const refused = await bootstrap('--local', temporaryFolder(), '--cloud', 'No Cloud');
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('--cloud is 3–63') });
});

test('a deployment is bundled, and with --dry-run nothing leaves the machine', async () => {
  const outdir = temporaryFolder();
  const deployed = await run(join('dev', 'run.mjs'), 'deploy', '--dry-run', '--outdir', outdir);
  expect(deployed).toMatchObject({ code: 0, output: expect.stringContaining('--dry-run: exiting now') });
  expect(readdirSync(outdir)).toEqual(expect.arrayContaining(['worker.js', 'inspection.js']));
});
