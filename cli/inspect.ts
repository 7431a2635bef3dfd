import { resolve } from 'node:path';
import { inspect } from '../inspect/inspect.ts';
import { openFile } from './file-reader.ts';

const USAGE = 'usage: npm run -s inspect -- FILE…';
const CANNOT_OPEN = 2;

/**
 * `npm run -s inspect -- FILE…`: one JSON line a file, `{"file", …}` and the report. The exit status is 0 whatever
 * the verdicts, and 2 when a file could not be opened or read; the others are still answered.
 */
export async function main(files: readonly string[]): Promise<void> {
  if (files.length === 0) {
    console.error(USAGE);
    process.exitCode = CANNOT_OPEN;
    return;
  }
  // npm runs scripts in the project's folder; paths are meant from where it was called.
  const from = process.env.INIT_CWD ?? process.cwd();
  for (const file of files) {
    try {
      console.log(JSON.stringify({ file, ...(await inspectFile(resolve(from, file))) }));
    } catch (error) {
      console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = CANNOT_OPEN;
    }
  }
}

async function inspectFile(path: string) {
  const reader = await openFile(path);
  try {
    return await inspect(reader);
  } finally {
    await reader.close();
  }
}
