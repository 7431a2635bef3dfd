/** `npm run -s inspect -- FILE…` as it is called: what it prints, and how it ends. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inspect } from '../../../inspect/inspect.ts';
import { corpusEntry, corpusReader, materialise } from '../../corpus.ts';

const folder = mkdtempSync(join(tmpdir(), 'bullion-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PROJECT = join(import.meta.dirname, '../../..');
const GOOD = corpusEntry('qcow2-zlib.qcow2');
const BAD = corpusEntry('html.qcow2');
for (const entry of [GOOD, BAD]) await materialise(entry, join(folder, entry.file));

/** Calls the script as npm does: in the project's folder, with the caller's own folder in INIT_CWD. */
function call(...files: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dev/run.mjs', 'inspect', ...files], {
    cwd: PROJECT,
    env: { ...process.env, INIT_CWD: folder },
    encoding: 'utf8',
    timeout: 20_000,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { status, stderr, reports: lines.map((line): unknown => JSON.parse(line)) };
}

test('prints one line a file, with the path as it was given, and ends with 0 whatever the verdicts', async () => {
  const { status, stderr, reports } = call(GOOD.file, join(folder, BAD.file));
  expect(reports).toEqual([
    { file: GOOD.file, ...(await inspect(corpusReader(GOOD))) },
    { file: join(folder, BAD.file), ...(await inspect(corpusReader(BAD))) },
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('ends with 2 for what cannot be opened, names it, and answers for the others', () => {
  const { status, stderr, reports } = call('nosuch.img', GOOD.file, '.');
  expect(reports).toMatchObject([{ file: GOOD.file, verdict: 'accept' }]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^nosuch\.img: .*ENOENT/m);
  expect(stderr).toMatch(/^\.: .*is not a file$/m);
});

test('ends with 2 and says how it is called when it is given nothing', () => {
  const { status, stderr, reports } = call();
  expect({ status, reports }).toEqual({ status: 2, reports: [] });
  expect(stderr).toContain('npm run -s inspect -- FILE');
});
