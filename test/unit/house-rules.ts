/** The rules of the house, applied to a set of files: who may import whom, and what a file may not hold. */
import { posix } from 'node:path';
import { codeOf, importsOf } from './source-text.ts';

export interface SourceFile {
  /** From the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

interface Floor {
  /** Folders or files below, of which anything may be imported. */
  readonly imports: readonly string[];
  /** Folders of which only types may be imported. */
  readonly types?: readonly string[];
  /** Packages and platform modules by name, or by their first part (`node:`). */
  readonly packages: readonly string[];
}

/** Folders that are deployed or shipped. Whatever is not named here may not be imported. */
const FLOORS: Readonly<Record<string, Floor>> = {
  core: { imports: [], packages: [] },
  inspect: { imports: [], packages: ['pako', 'fzstd'] },
  schema: { imports: ['core'], packages: ['zod', '@hono/zod-openapi', 'drizzle-orm'] },
  db: { imports: ['schema', 'core'], packages: ['drizzle-orm', '@cloudflare/workers-types'] },
  storage: {
    imports: ['core'],
    types: ['inspect'],
    packages: ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner'],
  },
  outbound: { imports: ['core'], packages: [] },
  registry: {
    imports: ['db', 'storage', 'outbound', 'schema', 'core', 'inspect/report.ts'],
    types: ['inspect'],
    packages: ['jose'],
  },
  functions: {
    imports: ['registry', 'schema', 'core', 'package.json'],
    types: ['inspect'],
    packages: ['hono', '@hono/zod-openapi', 'zod'],
  },
  cli: { imports: ['inspect', 'schema/settings.ts'], types: ['schema/wire'], packages: ['node:'] },
  console: { imports: ['inspect'], types: ['schema/wire'], packages: [] },
};

/** Files that put the floors together. */
const WIRING = ['functions/worker.ts', 'functions/context.ts'];
const WIRED = ['db', 'storage', 'outbound'];

/** Files that may import this and nothing else, their own folder included. */
const APART: Readonly<Record<string, Floor>> = {
  'functions/inspection.ts': { imports: ['inspect'], packages: ['cloudflare:workers'] },
};

/** Folders that stay on the developer's machine: they import what they need, and nothing above imports them. */
const WORKSHOP = ['dev', 'test', 'bench'];

const isWithin = (path: string, place: string) => path === place || path.startsWith(`${place}/`);
const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');
const isDeployed = ({ path }: SourceFile) => Object.hasOwn(FLOORS, folderOf(path));

/** The door that a file belongs to: a dialect of HTTP, the queue, the clock. They do not know each other. */
function doorOf(path: string): string | undefined {
  return /^functions\/(?:http\/[^/]+(?=\/)|queue|scheduled)(?=\/)/.exec(path)?.[0];
}

/** Where a relative specifier leads; undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  return /^\.{1,2}\//.test(specifier) ? posix.join(posix.dirname(path), specifier) : undefined;
}

function importFaults(file: SourceFile): string[] {
  const { path } = file;
  const apart = APART[path];
  const floor = apart ?? FLOORS[folderOf(path)];
  if (floor === undefined) {
    const known = folderOf(path) === '' || WORKSHOP.includes(folderOf(path));
    return known ? [] : [`${path}: no rule says what the folder ${folderOf(path)} may import`];
  }
  const faults: string[] = [];
  for (const { specifier, typeOnly } of importsOf(file.text)) {
    const target = targetOf(path, specifier);
    if (target === undefined) {
      const allowed = floor.packages.some((name) =>
        name.endsWith(':') ? specifier.startsWith(name) : isWithin(specifier, name),
      );
      if (!allowed) faults.push(`${path}: ${folderOf(path)} may not import the package ${specifier}`);
      continue;
    }
    const own = apart === undefined ? [folderOf(path)] : [];
    const below = [...floor.imports, ...own, ...(WIRING.includes(path) ? WIRED : [])];
    const belowInTypes = typeOnly ? [...below, ...(floor.types ?? [])] : below;
    if (!belowInTypes.some((place) => isWithin(target, place))) {
      faults.push(`${path}: ${folderOf(path)} may not import ${target}`);
    }
    const door = doorOf(path);
    const other = doorOf(target);
    if (door !== undefined && other !== undefined && door !== other) {
      faults.push(`${path}: one door may not import another (${target})`);
    }
  }
  if (/\bimport\s*\(\s*(?!['"])/.test(codeOf(file.text))) {
    faults.push(`${path}: an import whose target is worked out cannot be checked`);
  }
  return faults;
}

/** One line a circle of imports, types included: a circle is one module in several files. */
function cycleFaults(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path));
  const targets = new Map(
    files.map(({ path, text }) => {
      const found = importsOf(text).map(({ specifier }) => targetOf(path, specifier));
      return [path, found.filter((target) => target !== undefined && known.has(target)) as string[]];
    }),
  );
  const faults: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      faults.push(`imports go in a circle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return faults;
}

const PURE = ['core', 'inspect', 'schema', 'db', 'storage', 'outbound', 'registry'];
const DEPLOYED = [...PURE, 'functions'];

/** What may not stand in the code of some folders; comments and strings do not count. */
const FORBIDDEN: readonly { pattern: RegExp; folders: readonly string[]; reason: string }[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date(?:\(\s*\)|\s*;)|\bperformance\.now\b/,
    folders: PURE,
    reason: 'reads the clock; take the time as an argument',
  },
  {
    pattern: /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/,
    folders: PURE,
    reason: 'draws at random; take the bytes as an argument',
  },
  { pattern: /\bconsole\s*\./, folders: PURE, reason: 'prints; answer or throw instead' },
  {
    pattern: /\bprocess\s*\./,
    folders: DEPLOYED,
    reason: 'reads the process; settings come in as arguments',
  },
  {
    pattern: /\b(?:it|test|describe)\s*\.\s*(?:only|skip|todo|fails)\b/,
    folders: ['test'],
    reason: 'leaves tests out',
  },
  { pattern: /\bvi\s*\.\s*(?:mock|doMock)\b/, folders: ['test'], reason: 'replaces a module by a mock' },
  {
    pattern: /\bdebugger\b/,
    folders: [...DEPLOYED, 'cli', 'console', ...WORKSHOP],
    reason: 'stops the debugger',
  },
];

/** What may stand nowhere, comments included. */
const UNFINISHED = /\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b|@ts-(?:ign[o]re|nochec[k])/;

function textFaults({ path, text }: SourceFile): string[] {
  const code = codeOf(text);
  const faults = FORBIDDEN.filter(
    ({ pattern, folders }) => folders.includes(folderOf(path)) && pattern.test(code),
  ).map(({ reason }) => `${path}: ${reason}`);
  const mark = UNFINISHED.exec(text)?.[0];
  if (mark !== undefined) faults.push(`${path}: ${mark} marks what is not finished`);
  return faults;
}

function nameFaults({ path }: SourceFile): string[] {
  const name = posix.basename(path);
  const faults: string[] = [];
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)+$/.test(name)) faults.push(`${path}: not in kebab-case`);
  if (/(?:^|-)(?:manager|helper|util|service|handler)s?\./.test(name)) {
    faults.push(`${path}: the name does not say what is in it`);
  }
  return faults;
}

/** Every breach of the rules, one line each; empty when the house is in order. */
export function faultsOf(files: readonly SourceFile[]): readonly string[] {
  return [
    ...files.flatMap(importFaults),
    ...cycleFaults(files.filter((file) => isDeployed(file) || WORKSHOP.includes(folderOf(file.path)))),
    ...files.flatMap(textFaults),
    ...files.flatMap(nameFaults),
  ];
}
