import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from './project.ts';
import { Refusal } from './refusal.ts';

/** Which database wrangler means: the deployed one, or one that it keeps in a folder on this machine. */
export type WranglerTarget = { readonly remote: true } | { readonly localFolder: string };

/** Name of the database in `wrangler.toml`. */
export const DATABASE = 'bullion';

/** A value as a literal of SQLite. Throws RangeError for text that a literal cannot hold and numbers that are none. */
export function sqlLiteral(value: string | number): string {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
    return String(value);
  }
  if (value.includes('\0')) throw new RangeError('text in a statement may not hold a NUL character');
  return `'${value.replaceAll("'", "''")}'`;
}

/**
 * Runs statements on D1 as wrangler does, all or none of them. out: the rows of each.
 * Throws a Refusal with wrangler's own words.
 */
export async function executeOnD1(
  target: WranglerTarget,
  statements: readonly string[],
): Promise<Record<string, unknown>[][]> {
  const { code, output, errors } = await runWrangler([
    ...['d1', 'execute', DATABASE, ...targetArguments(target), '--json', '--yes'],
    ...['--command', statements.join(';\n')],
  ]);
  const answer = parseJson(output);
  if (code !== 0 || !Array.isArray(answer)) {
    throw new Refusal(`wrangler d1 execute failed: ${reasonIn(answer) ?? (errors.trim() || output.trim())}`);
  }
  return answer.map(({ results }) => results ?? []);
}

export function targetArguments(target: WranglerTarget): string[] {
  return 'remote' in target ? ['--remote'] : ['--local', '--persist-to', target.localFolder];
}

/** Runs wrangler with its output to this process's own, and as often as it asks, without questions. out: its exit code. */
export async function showWrangler(wranglerArguments: readonly string[]): Promise<number> {
  return (await start(wranglerArguments, 'inherit')).code;
}

function runWrangler(wranglerArguments: readonly string[]) {
  return start(wranglerArguments, 'pipe');
}

async function start(wranglerArguments: readonly string[], output: 'pipe' | 'inherit') {
  const child = spawn(join(projectFolder, 'node_modules', '.bin', 'wrangler'), wranglerArguments, {
    cwd: projectFolder,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    stdio: ['ignore', output, output],
  });
  const texts = ['', ''];
  for (const [index, stream] of [child.stdout, child.stderr].entries()) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      texts[index] += chunk;
    });
  }
  const code = await new Promise<number | null>((closed, failed) => {
    child.once('error', failed);
    child.once('close', closed);
  });
  return { code: code ?? 1, output: texts[0]!, errors: texts[1]! };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonIn(answer: unknown): string | undefined {
  const text = (answer as { error?: { text?: unknown } } | undefined)?.error?.text;
  return typeof text === 'string' ? text : undefined;
}
