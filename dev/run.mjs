// The entry of every npm script: `node dev/run.mjs <script> [arguments]`. Plain JavaScript and no import from a
// package at the top, because it runs before anything is installed and on a Node that may be too old.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { installMissing } from './install.mjs';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [script = '', ...scriptArguments] = process.argv.slice(2);

requireNode(20, 3);
if (!/^[a-z]+$/.test(script) || !existsSync(join(project, 'dev', `${script}.ts`))) {
  leave(`dev/run.mjs: there is no script ${JSON.stringify(script)}`);
}
try {
  process.chdir(project);
  await installMissing(project);
  const { main } = await load(script);
  if (typeof main !== 'function') leave(`dev/${script}.ts is not a script`);
  await main(scriptArguments);
} catch (error) {
  // A Refusal is meant for whoever runs the script; anything else is a fault, and its trace says where.
  if (!(error instanceof Error) || error.name !== 'Refusal') throw error;
  leave(error.message);
}

/**
 * @param {string} line
 * @returns {never}
 */
function leave(line) {
  console.error(line);
  process.exit(1);
}

/** @param {number} major @param {number} minor the oldest that will do */
function requireNode(major, minor) {
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  leave(
    `Bullion needs Node ${major}.${minor} or newer; this is ${process.versions.node} (${process.execPath})`,
  );
}

/**
 * Bundles `dev/<script>.ts` into one module and loads it; packages stay where they are.
 * @param {string} name
 */
async function load(name) {
  const { build } = await import('esbuild');
  const folder = join(project, 'node_modules', '.cache', 'bullion');
  mkdirSync(folder, { recursive: true });
  // A file for each process: a script must not write into what another one loads at the same time.
  const outfile = join(folder, `${name}.${process.pid}.mjs`);
  process.setSourceMapsEnabled(true);
  try {
    await build({
      absWorkingDir: project,
      entryPoints: [join('dev', `${name}.ts`)],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      target: 'node20',
      format: 'esm',
      sourcemap: 'inline',
      logLevel: 'error',
    });
  } catch {
    leave(`dev/${name}.ts could not be bundled; see the messages above`);
  }
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}
