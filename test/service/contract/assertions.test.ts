import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { assertionsNamedIn, LAST_ASSERTION, STANDINGS } from './assertions.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const OWN_NAME = 'contract/assertions.test.ts';

describe('the list of assertions', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => name.endsWith('.test.ts') && name !== OWN_NAME);

  test('has each number once', () => {
    const numbers = STANDINGS.map(({ assertion }) => assertion).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: LAST_ASSERTION }, (_, index) => index + 1));
  });

  test('names the file of each number that a test carries, and no other', () => {
    const listed = STANDINGS.flatMap((entry) =>
      'file' in entry ? [`A${entry.assertion} ${entry.file}`] : [],
    );
    const named = files.flatMap((file) =>
      assertionsNamedIn(readFileSync(join(FOLDER, file), 'utf8')).map((number) => `A${number} ${file}`),
    );
    expect(named.sort()).toEqual(listed.sort());
  });
});

test.each([
  ["test('A57 a name', …)", [57]],
  ["test('A86 A87 pages', …)", [86, 87]],
  ["test('A130 to A133 make it public', …)", [130, 131, 132, 133]],
  ["['A124', 'viewer']", [124]],
  ['`A5 in backticks`', [5]],
  ["// A7\n  name: 'A', family: 'Ab-c', 'not A8', 'A9b'", []],
])('names are read: %s', (source, expected) => {
  expect(assertionsNamedIn(source)).toEqual(expected);
});
