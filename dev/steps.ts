import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { cacheFolder, projectFolder } from './project.ts';
import { Refusal } from './refusal.ts';

/** Projects of the type checker: each has its own libraries, so that pure code cannot use a platform's. */
const TYPE_PROJECTS = ['core', 'inspect', '.', 'dev'] as const;

/** Type-check and lint; throws a Refusal at the first fault. */
export async function checkSources(): Promise<void> {
  for (const project of TYPE_PROJECTS)
    await step(`types (${project})`, () => quietly('tsc', ['-p', project]));
  await step('lint', () => quietly('biome', ['ci', '--colors=off']));
}

/** Compares the tables with the migrations: drizzle-kit, run on a copy, must find nothing to add. */
export async function checkMigrations(): Promise<void> {
  await step('migrations', async () => {
    const copy = mkdtempSync(join(cacheFolder, 'migrations-'));
    try {
      cpSync(join(projectFolder, 'db', 'migrations'), copy, { recursive: true });
      const before = readdirSync(copy);
      await quietly('drizzle-kit', [
        'generate',
        '--dialect=sqlite',
        '--schema=./schema/tables/*.ts',
        `--out=./${relative(projectFolder, copy)}`,
      ]);
      const added = readdirSync(copy).filter((name) => !before.includes(name));
      if (added.length > 0) {
        throw new Refusal(
          'schema/tables has changes that no migration makes; run npm run db:generate and commit it',
        );
      }
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
}

/** Runs one step and prints how long it took, or that it failed. */
export async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  try {
    const result = await run();
    console.log(`${name}: ${seconds()}`);
    return result;
  } catch (error) {
    console.log(`${name}: failed after ${seconds()}`);
    throw error;
  }
}

/** Runs an installed program; what it writes is shown only when it fails, which throws a Refusal. */
async function quietly(program: string, programArguments: readonly string[]): Promise<void> {
  const { code, output } = await run(program, programArguments, 'pipe');
  if (code === 0) return;
  console.error(output.trim());
  throw new Refusal(`${[program, ...programArguments].join(' ')} failed`);
}

/** Runs an installed program in the project folder. out: its exit code (1 after a signal) and, if piped, its output. */
export async function run(
  program: string,
  programArguments: readonly string[],
  output: 'pipe' | 'inherit',
): Promise<{ code: number; output: string }> {
  const child = spawn(join(projectFolder, 'node_modules', '.bin', basename(program)), programArguments, {
    cwd: projectFolder,
    stdio: ['ignore', output, output],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const code = await new Promise<number | null>((closed, failed) => {
    child.once('error', failed);
    child.once('close', closed);
  });
  return { code: code ?? 1, output: text };
}
