import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of the checkout. Found upwards from this module, because the same code runs from `dev/` under
 * vitest and from a bundle in `node_modules/.cache/bullion/` under npm.
 */
export const projectFolder = findUpwards(dirname(fileURLToPath(import.meta.url)), 'wrangler.toml');

/** Where bundles and everything else that can be made again is kept. */
export const cacheFolder = join(projectFolder, 'node_modules', '.cache', 'bullion');

function findUpwards(from: string, name: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (folder === dirname(folder)) throw new Error(`no ${name} in ${from} or above it`);
  }
}
