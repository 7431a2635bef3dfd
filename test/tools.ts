/** Programs of the machine that make disks, for tests that compare with them. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { it } from 'vitest';
import type { RangeReader } from '../inspect/readers/range-reader.ts';

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function find(tool: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, tool)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program and returns what it prints; throws with its complaint when it fails. */
export function run(tool: string, args: readonly string[], input = ''): string {
  const path = find(tool);
  if (path === undefined) throw new Error(`${tool} is not installed`);
  return execFileSync(path, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/**
 * A test that needs programs of the machine. Where one is missing it fails when CI=true and is otherwise reported as
 * skipped, with the program's name.
 */
export function itWith(
  tools: readonly string[],
  name: string,
  test: (folder: string) => Promise<void>,
): void {
  const missing = tools.filter((tool) => find(tool) === undefined);
  const lacking = missing.length === 0 ? '' : ` (${missing.join(', ')} not installed)`;
  it.skipIf(missing.length > 0 && process.env.CI !== 'true')(`${name}${lacking}`, async () => {
    if (missing.length > 0) throw new Error(`this test needs ${missing.join(', ')}, which is not installed`);
    const folder = mkdtempSync(join(tmpdir(), 'bullion-disk-'));
    try {
      await test(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** A new sparse file of zeros. */
export function emptyImage(folder: string, bytes: number): string {
  const path = join(folder, 'disk.img');
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
}

/** Lets `use` read a file as a source of bytes, with the reads and bytes counted. */
export async function reading<T>(
  path: string,
  use: (reader: RangeReader & { readonly reads: number }) => Promise<T>,
): Promise<T> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    let reads = 0;
    return await use({
      size,
      get reads() {
        return reads;
      },
      async read(offset, length) {
        reads += 1;
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, offset);
        if (bytesRead !== length) throw new Error(`${bytesRead} of ${length} bytes at ${offset}`);
        return bytes;
      },
    });
  } finally {
    await handle.close();
  }
}
