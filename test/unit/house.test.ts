import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { faultsOf, type SourceFile } from './house-rules.ts';
import { codeOf, importsOf } from './source-text.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;

/** All source files of the project; folders that are hidden, installed or generated do not count. */
function sources(folder: string): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return /^(?:\.|node_modules$|dist$)/.test(entry.name) ? [] : sources(path);
    }
    if (!SOURCE.test(entry.name)) return [];
    return [{ path: relative(PROJECT, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }];
  });
}

describe('the house', () => {
  const files = sources(PROJECT);

  it('has all its floors in view', () => {
    const folders = new Set(files.map(({ path }) => path.split('/')[0]));
    for (const folder of [
      'core',
      'inspect',
      'schema',
      'db',
      'storage',
      'registry',
      'functions',
      'dev',
      'test',
    ]) {
      expect(folders).toContain(folder);
    }
    // An import that is not seen would be one that is not checked.
    const house = files.find(({ path }) => path === 'test/unit/house.test.ts')!;
    expect(importsOf(house.text).map(({ specifier }) => specifier)).toEqual([
      'node:fs',
      'node:path',
      'node:url',
      'vitest',
      './house-rules.ts',
      './source-text.ts',
    ]);
  });

  it('is in order', () => {
    expect(faultsOf(files)).toEqual([]);
  });
});

const house = (files: Record<string, string>): SourceFile[] =>
  Object.entries(files).map(([path, text]) => ({ path, text }));

describe('the rules', () => {
  it('let imports go down', () => {
    const files = house({
      'core/ids.ts': 'export const a = 1;',
      'core/names.ts': "import { a } from './ids.ts';\nexport const b = a;",
      'inspect/readers/bytes.ts': "import { inflate } from 'pako';",
      'schema/wire/compute/image.ts':
        "import { z } from '@hono/zod-openapi';\nimport { b } from '../../../core/names.ts';",
      'db/images.ts': "import { eq } from 'drizzle-orm';\nimport type { B } from 'drizzle-orm/batch';",
      'storage/range-reader.ts': "import type { R } from '../inspect/readers/bytes.ts';",
      'registry/images/create.ts':
        "import { x } from '../../db/images.ts';\nimport type { R } from '../../inspect/readers/bytes.ts';",
      'functions/http/compute/images.ts':
        "import { c } from '../../../registry/images/create.ts';\nimport { h } from 'hono';",
      'functions/http/routes.ts': "import { i } from './compute/images.ts';",
      'functions/context.ts':
        "import { d } from '../db/images.ts';\nimport { s } from '../storage/range-reader.ts';",
      'functions/inspection.ts':
        "import { WorkerEntrypoint } from 'cloudflare:workers';\nimport { i } from '../inspect/inspect.ts';",
      'cli/main.ts':
        "import { readFile } from 'node:fs/promises';\nimport type { I } from '../schema/wire/compute/image.ts';",
      'dev/start.ts': "import { w } from '../functions/context.ts';\nimport { m } from 'miniflare';",
      'vitest.config.ts': "import { defineConfig } from 'vitest/config';",
    });
    expect(faultsOf(files)).toEqual([]);
  });

  const upward = (path: string, text: string, fault: string): [string, Record<string, string>, string] => [
    `${path}: ${text}`,
    { [path]: text },
    fault,
  ];
  it.each([
    upward('core/a.ts', "import { x } from '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "import type { x } from '../inspect/b.ts';", 'core may not import inspect/b.ts'),
    upward('core/a.ts', "export { x } from '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "export * from '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "export type { x } from '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "import '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "import {\n  x,\n  type Y,\n} from '../db/b.ts';", 'core may not import db/b.ts'),
    upward('core/a.ts', "const x = await import('../db/b.ts');", 'core may not import db/b.ts'),
    upward('core/a.ts', "type X = import('../db/b.ts').X;", 'core may not import db/b.ts'),
    upward('core/a.ts', 'const x = import(name);', 'worked out cannot be checked'),
    upward('core/a.ts', 'const x = import(`../db/b.ts`);', 'worked out cannot be checked'),
    upward('core/a.ts', "import { x } from 'zod';", 'core may not import the package zod'),
    upward('core/a.ts', "import { x } from 'node:fs';", 'core may not import the package node:fs'),
    upward('inspect/a.ts', "import { x } from '../core/b.ts';", 'inspect may not import core/b.ts'),
    upward('schema/a.ts', "import { x } from '../db/b.ts';", 'schema may not import db/b.ts'),
    upward('db/a.ts', "import { x } from '../registry/b.ts';", 'db may not import registry/b.ts'),
    upward('db/a.ts', "import { x } from '../storage/b.ts';", 'db may not import storage/b.ts'),
    upward('storage/a.ts', "import { x } from '../inspect/b.ts';", 'storage may not import inspect/b.ts'),
    upward('storage/a.ts', "import { x } from '../schema/b.ts';", 'storage may not import schema/b.ts'),
    upward('registry/a.ts', "import { x } from 'hono';", 'registry may not import the package hono'),
    upward(
      'registry/a.ts',
      "import { x } from '../functions/b.ts';",
      'registry may not import functions/b.ts',
    ),
    upward('registry/a.ts', "import { x } from '../inspect/b.ts';", 'registry may not import inspect/b.ts'),
    upward('functions/context.ts', "import { x } from '../inspect/b.ts';", 'may not import inspect/b.ts'),
    upward('functions/inspection.ts', "import { x } from '../registry/b.ts';", 'import registry/b.ts'),
    upward('functions/http/a.ts', "import { x } from '../../db/b.ts';", 'functions may not import db/b.ts'),
    upward('functions/a.ts', "import { x } from '../storage/b.ts';", 'functions may not import storage/b.ts'),
    upward('functions/a.ts', "import { x } from '../dev/b.ts';", 'functions may not import dev/b.ts'),
    upward('functions/context.ts', "import { x } from '../dev/b.ts';", 'functions may not import dev/b.ts'),
    upward('cli/a.ts', "import { x } from '../schema/wire/b.ts';", 'cli may not import schema/wire/b.ts'),
    upward('cli/a.ts', "import { x } from '../registry/b.ts';", 'cli may not import registry/b.ts'),
    upward('console/a.ts', "import { x } from 'node:fs';", 'console may not import the package node:fs'),
    upward('console/a.ts', "import { x } from '../cli/b.ts';", 'console may not import cli/b.ts'),
    upward('functions/http/compute/a.ts', "import { x } from '../glance/b.ts';", 'may not import another'),
    upward('functions/queue/a.ts', "import { x } from '../scheduled/b.ts';", 'may not import another'),
    upward('functions/queue/a.ts', "import { x } from '../http/compute/b.ts';", 'may not import another'),
    upward('lib/a.ts', '', 'no rule says what the folder lib may import'),
    upward('core/a.ts', 'const now = Date.now();', 'reads the clock'),
    upward('registry/a.ts', 'const now = new Date();', 'reads the clock'),
    upward('db/a.ts', 'const x = Math.random();', 'draws at random'),
    upward('registry/a.ts', 'const x = crypto.randomUUID();', 'draws at random'),
    upward('inspect/a.ts', 'console.log(1);', 'prints'),
    upward('inspect/a.ts', 'const a = `${`x${console.log(1)}`}`;', 'prints'),
    upward('functions/a.ts', 'const x = process.env;', 'reads the process'),
    upward('test/a.test.ts', `describe.${'skip'}('x', () => {});`, 'leaves tests out'),
    upward('test/a.test.ts', `vi.${'mock'}('x');`, 'by a mock'),
    upward('dev/a.ts', `// ${'TO'}${'DO'}: later`, 'is not finished'),
    upward('core/fooBar.ts', '', 'not in kebab-case'),
    upward('core/image-manager.ts', '', 'does not say what is in it'),
    upward('core/utils.ts', '', 'does not say what is in it'),
  ])('%s', (_, files, fault) => {
    expect(faultsOf(house(files))).toEqual([expect.stringContaining(fault)]);
  });

  it('see circles, of types too', () => {
    const files = house({
      'core/a.ts': "import { b } from './b.ts';",
      'core/b.ts': "import type { C } from './c.ts';",
      'core/c.ts': "export type { A } from './a.ts';",
      'core/d.ts': "import { a } from './a.ts';",
    });
    expect(faultsOf(files)).toEqual([
      'imports go in a circle: core/a.ts → core/b.ts → core/c.ts → core/a.ts',
    ]);
  });
});

describe('code', () => {
  it.each([
    ['a comment', "// import { x } from '../db/b.ts';\n/* Date.now() */ const a = 1;"],
    ['a string', 'const a = "import { x } from \'../db/b.ts\'; Date.now()";'],
    ['a template', "const a = `\nimport { x } from '../db/b.ts';\n${1}\nDate.now()`;"],
    ['a regular expression', 'const a = /Date.now()["`]/; const b = 4 / 2; const c = [/[/"]/];'],
    ['an escaped quote', "const a = 'it\\'s Date.now()';"],
    ['a comment after a quote in a comment', "// it's\n// Date.now()\nconst a = 1;"],
  ])('is not %s', (_, text) => {
    expect(importsOf(text)).toEqual([]);
    expect(faultsOf([{ path: 'core/a.ts', text }])).toEqual([]);
    expect(codeOf(text)).toHaveLength(text.length);
  });

  it('goes on after each of them', () => {
    const tricky = 'const a = /["`]/; const b = `${{ c: 1 }.c}`; const d = 4 / 2; // it\'s\n';
    expect(importsOf(`${tricky}import { x } from './b.ts';`)).toEqual([
      { specifier: './b.ts', typeOnly: false },
    ]);
    expect(codeOf(`${tricky}Date.now();`)).toContain('Date.now();');
  });

  it('tells imports of types from others', () => {
    const text =
      "import type { A } from 'a';\nimport { type B } from 'b';\nexport type { C } from 'c';\nimport type from 'd';";
    expect(importsOf(text)).toEqual([
      { specifier: 'a', typeOnly: true },
      { specifier: 'b', typeOnly: false },
      { specifier: 'c', typeOnly: true },
      { specifier: 'd', typeOnly: false },
    ]);
  });
});
