import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheFolder } from './project.ts';
import { bundleModule } from './worker-bundle.ts';

/**
 * The document of the API as JSON. Its module is bundled with a zod of its own: shapes keep what is said of them only
 * when zod was made ready for that before anything else used it.
 */
export async function apiDocument(): Promise<string> {
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'document-'));
  try {
    const file = join(folder, 'document.mjs');
    writeFileSync(file, await bundleModule('functions/http/document.ts'));
    const { apiDocument } = await import(pathToFileURL(file).href);
    return JSON.stringify(apiDocument());
  } finally {
    rmSync(folder, { recursive: true });
  }
}
