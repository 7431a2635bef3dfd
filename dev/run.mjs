// The entry of every npm script: `node dev/run.mjs <script> [arguments]`. Plain JavaScript and no import from a
// package at the top, because it runs before anything is installed and on a Node that may be too old.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(project, 'node_modules');
const installed = join(modules, '.package-lock.json');
const [script = '', ...scriptArguments] = process.argv.slice(2);

requireNode(20, 3);
if (!/^[a-z]+$/.test(script) || !existsSync(join(project, 'dev', `${script}.ts`))) {
  leave(`dev/run.mjs: there is no script ${JSON.stringify(script)}`);
}
process.chdir(project);
if (!isInstalled()) install();
const { main } = await loaded(script);
if (typeof main !== 'function') leave(`dev/${script}.ts is not a script`);
try {
  await main(scriptArguments);
} catch (error) {
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
 * npm writes its own list of what it installed last, when everything is in place. That list must agree with
 * package-lock.json, and each package on it must be there: an install that was interrupted fails one or the other.
 */
function isInstalled() {
  if (!existsSync(installed)) return false;
  /** @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Package */
  /** @type {(path: string) => Record<string, Package>} */
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  try {
    const present = packagesOf(installed);
    for (const [path, wanted] of Object.entries(packagesOf(join(project, 'package-lock.json')))) {
      if (path === '') continue;
      const found = present[path];
      if (found === undefined) {
        if (wanted.optional && !isForThisMachine(wanted)) continue;
        return false;
      }
      if (found.version !== wanted.version || found.integrity !== wanted.integrity) return false;
      if (!existsSync(join(project, path, 'package.json'))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether an optional package is one that npm installs here. Those without a platform are parts of others, and
 * which libc this is, is not asked: each tool has a package without one that would be missing as well.
 * @param {{ os?: string[], cpu?: string[], libc?: string[] }} wanted
 */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined || libc !== undefined) return false;
  return os.includes(process.platform) && cpu.includes(process.arch);
}

/** Installs exactly what package-lock.json says; quiet unless it fails. */
function install() {
  console.log('Installing packages…');
  const began = performance.now();
  rmSync(installed, { force: true });
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? { command: process.execPath, first: [process.env.npm_execpath] }
    : { command: 'npm', first: [] };
  const { status, error, stdout, stderr } = spawnSync(
    npm.command,
    [
      ...npm.first,
      'ci',
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
    ],
    { cwd: project, encoding: 'utf8' },
  );
  if (error !== undefined || status !== 0) {
    console.error(`${stdout ?? ''}${stderr ?? ''}`.trim());
    leave(`Installing failed${error === undefined ? '' : ` (${error.message})`}; see the messages above`);
  }
  console.log(`Installed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * Bundles `dev/<script>.ts` into one module and loads it; packages stay where they are.
 * @param {string} name
 */
async function loaded(name) {
  const { build } = await import('esbuild');
  const folder = join(modules, '.cache', 'bullion');
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
