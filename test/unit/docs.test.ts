import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { permissionsOf } from '../../core/access.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { QUOTAS } from '../../core/quotas.ts';
import { RETENTION_RULES } from '../../core/retention.ts';
import { PERMISSIONS, type Permission, ROLES } from '../../core/roles.ts';
import { EVENT_TYPES } from '../../core/webhooks.ts';
import { NOTICES, REFUSALS } from '../../inspect/report.ts';
import { DUTY_NAMES } from '../../registry/duties/duties.ts';
import { clientSettings, startSettings, workerSettings } from '../../schema/settings.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');

/** The cells of a row, without the marks of code. */
function cellsOf(row: string): string[] {
  return row
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim().replaceAll('`', ''));
}

/** The tables of a page, each with its header first and without the line below it. */
function tablesOf(text: string): string[][][] {
  return [...text.matchAll(/(?:^\|.*\|\n?)+/gm)].map(([table]) =>
    table
      .trim()
      .split('\n')
      .map(cellsOf)
      .filter((cells) => !cells.every((cell) => /^-+$/.test(cell))),
  );
}

/** The rows of the table that begins with these header cells. */
function rowsOf(text: string, ...header: string[]): string[][] {
  const found = tablesOf(text).filter(([first]) => header.every((cell, index) => first?.[index] === cell));
  expect(found, `tables that begin with ${header.join(', ')}`).toHaveLength(1);
  return found[0]!.slice(1);
}

/** Text outside of code blocks, in which `#` and brackets mean what they mean on a page. */
const prose = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '');

describe('docs/findings.md', () => {
  const page = prose(read('docs/findings.md'));
  const entries = [...page.matchAll(/^### (.+)\n\n(\S+)/gm)].map(([, code, firstWord]) => ({
    code,
    firstWord,
  }));

  it('has one entry for every code, in the order of a report', () => {
    expect(entries.map(({ code }) => code)).toEqual([...REFUSALS, ...Object.keys(NOTICES)]);
    expect(page.match(/^### /gm)).toHaveLength(entries.length);
  });

  it('gives the severity of every notice', () => {
    const severities = entries
      .slice(REFUSALS.length)
      .map(({ code, firstWord }) => [code, firstWord?.replace('.', '')]);
    expect(Object.fromEntries(severities)).toEqual(NOTICES);
  });
});

describe('docs/errors.md', () => {
  it('has every code with its number and its HTTP status', () => {
    const rows = rowsOf(read('docs/errors.md'), 'name', 'code', 'HTTP');
    const shown = rows.map(([name, number, status]) => [name, Number(number), Number(status)]);
    expect(shown).toEqual(
      Object.entries(ERROR_CODES).map(([name, { number, status }]) => [name, number, status]),
    );
  });
});

describe('docs/webhooks.md', () => {
  it('has every type of event', () => {
    const rows = rowsOf(read('docs/webhooks.md'), 'type', 'when');
    expect(rows.map(([type]) => type)).toEqual([...EVENT_TYPES]);
  });
});

describe('docs/roles.md', () => {
  const tables = tablesOf(read('docs/roles.md'));
  // Each table of roles stands behind the one that says which permissions its columns are.
  const pairs = tables.flatMap((table, index) =>
    table[0]?.[0] === 'column' ? [{ columns: table.slice(1), roles: tables[index + 1] ?? [] }] : [],
  );

  it('shows two tables of roles', () => {
    expect(pairs.map(({ roles }) => roles[0]?.[0])).toEqual(['role', 'role']);
  });

  it.each(pairs)('says what every role gives: $columns.0.0, …', ({ columns, roles }) => {
    const [header = [], ...rows] = roles;
    expect(header.slice(1)).toEqual(columns.map(([column]) => column));
    const permissions = columns.map(([, names = '']) => names.split(', ') as Permission[]);
    for (const permission of permissions.flat()) expect(PERMISSIONS).toContain(permission);

    const expected = Object.keys(ROLES).map((role) => {
      const given = permissionsOf([role]);
      return [
        role,
        ...permissions.map((all) => {
          const held = all.filter((permission) => given.has(permission)).length;
          return held === 0 ? '' : held === all.length ? 'yes' : 'some';
        }),
      ];
    });
    expect(rows).toEqual(expected.filter(([, ...cells]) => cells.some((cell) => cell !== '')));
  });
});

describe('docs/quotas.md', () => {
  it('has every quota, with its default', () => {
    const rows = rowsOf(read('docs/quotas.md'), 'quota', 'default');
    expect(rows.map(([quotaId]) => quotaId)).toEqual(Object.keys(QUOTAS));
    for (const [quotaId = '', shown = ''] of rows) {
      expect(Number.parseInt(shown, 10), quotaId).toBe(QUOTAS[quotaId as keyof typeof QUOTAS].defaultLimit);
    }
  });
});

describe('the settings of README.md', () => {
  const rows = rowsOf(read('README.md'), 'setting', 'default', 'meaning');
  const schemas = [workerSettings, startSettings, clientSettings];

  it('are those that are read, each once', () => {
    const settings = schemas.flatMap((schema) => Object.keys(schema.shape));
    expect(rows.map(([name]) => name).sort()).toEqual(settings.sort());
  });

  it('have the defaults that they have', () => {
    const required = {
      S3_ENDPOINT: 'http://127.0.0.1',
      S3_ACCESS_KEY_ID: 'given',
      S3_SECRET_ACCESS_KEY: 'given',
    };
    const parsed = { ...workerSettings.parse(required), ...startSettings.parse({}) };
    const defaults = Object.entries(parsed).filter(
      ([name, value]) => !Object.hasOwn(required, name) && !(Array.isArray(value) && value.length === 0),
    );
    expect(defaults.length).toBeGreaterThan(5);
    const shown = new Map(rows.map(([name, value]) => [name, value]));
    for (const [name, value] of defaults) expect(shown.get(name), name).toBe(String(value));
  });
});

describe('docs/families.md', () => {
  it('has every rule of retention', () => {
    const [, text] = read('docs/families.md').split(/^## Retention$/m);
    for (const rule of Object.keys(RETENTION_RULES)) expect(text).toContain(`\`${rule}\``);
  });
});

describe('the duties in docs/operating.md', () => {
  it('are those of the table, in the order in which they run', () => {
    const rows = rowsOf(read('docs/operating.md'), 'duty', 'what it does');
    expect(rows.map(([name]) => name)).toEqual(DUTY_NAMES);
  });
});

/** The anchors that a page has: its headings in the way in which Git hosts write them. */
function anchorsOf(text: string): string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('links', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(join(PROJECT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  it.each(pages)('%s leads somewhere', (page) => {
    const targets = [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    for (const target of targets.filter((one) => !/^[a-z]+:/.test(one))) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(PROJECT, page) : join(PROJECT, dirname(page), path);
      expect(existsSync(file), `${page}: ${target}`).toBe(true);
      if (anchor === undefined) continue;
      const name = relative(PROJECT, file);
      expect(anchorsOf(read(name)), `${page}: ${target}`).toContain(anchor);
    }
  });

  it('lead to every page of docs', () => {
    const all = pages.map((page) => read(page)).join('\n');
    for (const page of pages.filter((one) => one.startsWith('docs/'))) {
      expect(all).toMatch(new RegExp(`\\((?:docs/)?${page.slice('docs/'.length).replace('.', '\\.')}[)#]`));
    }
  });
});
