import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { apiDocument } from './api-document.ts';
import { cacheFolder, projectFolder } from './project.ts';

const SWAGGER_UI = join(projectFolder, 'node_modules', 'swagger-ui-dist');
const OWN_PAGE = join(projectFolder, 'functions', 'assets', 'docs');

/** The files of the page `/docs`: what shows the document, with its licences, and the own page around it. */
const DOCS: readonly string[] = [
  ...[
    'swagger-ui.css',
    'swagger-ui-bundle.js',
    'swagger-ui-bundle.js.LICENSE.txt',
    'favicon-16x16.png',
    'favicon-32x32.png',
    'LICENSE',
    'NOTICE',
  ].map((name) => join(SWAGGER_UI, name)),
  ...['index.html', 'page.css', 'page.js'].map((name) => join(OWN_PAGE, name)),
];

/**
 * Makes the folder of the static assets hold exactly what is served: the document of the API, and the page that shows
 * it. It may be read, and made by another process, at the same time: a file that is right already stays, and any other
 * comes into its place whole.
 */
export async function makeAssets(folder: string): Promise<void> {
  const wanted = new Map<string, Uint8Array>([
    ['openapi.json', new TextEncoder().encode(await apiDocument())],
    ...DOCS.map((file) => [join('docs', basename(file)), withoutSourceMap(readFileSync(file))] as const),
  ]);
  for (const [path, bytes] of wanted) put(join(folder, path), bytes);
  for (const path of filesIn(folder)) {
    if (!wanted.has(path)) rmSync(join(folder, path), { force: true });
  }
}

function put(file: string, bytes: Uint8Array): void {
  if (readBytes(file)?.equals(bytes)) return;
  mkdirSync(dirname(file), { recursive: true });
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = join(cacheFolder, `asset.${process.pid}`);
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, file);
}

function readBytes(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The last line of a bundle may name a map that is not served; a browser's tools would ask for it. */
function withoutSourceMap(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const line = /\n(?:\/\/# sourceMappingURL=\S+|\/\*# sourceMappingURL=\S+\s*\*\/)\s*$/.exec(text);
  return line === null ? bytes : bytes.subarray(0, line.index + 1);
}

/** Every file below a folder, by its path from there. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
}
