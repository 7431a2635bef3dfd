// Plain JavaScript without packages, like `run.mjs`: it runs when none is there.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;
/** An install that takes longer is taken for one whose process number now belongs to another program. */
const LONGEST_INSTALL_MS = 10 * 60_000;

/**
 * Installs what package-lock.json says, unless it is there. Says nothing when there is nothing to do.
 * @param {string} project the folder of package-lock.json
 * @throws {Error} named Refusal, after npm's own messages
 */
export async function installMissing(project) {
  if (isInstalled(project)) return;
  const lock = join(
    tmpdir(),
    `bullion-install-${createHash('sha256').update(project).digest('hex').slice(0, 16)}`,
  );
  await takeTurn(lock);
  try {
    if (!isInstalled(project)) await install(project, lock);
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Package
 */

/**
 * npm writes its own list of what it installed last, when everything is in place. That list must agree with
 * package-lock.json, and each package on it must be there: an install that was interrupted fails one or the other.
 * @param {string} project
 */
function isInstalled(project) {
  const installed = join(project, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
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
      if (found.version !== wanted.version) return false;
      if (found.integrity && wanted.integrity && found.integrity !== wanted.integrity) return false;
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
 * @param {Package} wanted
 */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined || libc !== undefined) return false;
  return os.includes(process.platform) && cpu.includes(process.arch);
}

/**
 * Waits until no other script installs. The file holds the number of the process that does: npm's own once it
 * runs, because npm goes on when the script that started it is killed.
 * @param {string} lock
 */
async function takeTurn(lock) {
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    if (!isHeld(lock)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!waited) console.log('Another script is installing packages; waiting for it…');
    await delay(POLL_MS);
  }
}

/** @param {string} lock */
function isHeld(lock) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LONGEST_INSTALL_MS) return false;
    const pid = Number(readFileSync(lock, 'utf8'));
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Installs exactly what package-lock.json says; quiet unless it fails.
 * @param {string} project
 * @param {string} lock
 */
async function install(project, lock) {
  console.log('Installing packages…');
  const began = performance.now();
  rmSync(join(project, 'node_modules', '.package-lock.json'), { force: true });
  const child = spawn(
    'npm',
    ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'],
    { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `npm ended with ${signal ?? code}`),
    );
  });
  if (child.pid !== undefined) writeFileSync(lock, String(child.pid));
  const endWithUs = () => child.kill();
  process.once('SIGTERM', endWithUs).once('SIGINT', endWithUs);
  const fault = await ended;
  process.off('SIGTERM', endWithUs).off('SIGINT', endWithUs);
  if (fault !== undefined) {
    console.error(output.trim());
    throw Object.assign(new Error(`Installing failed (${fault}); see the messages above`), {
      name: 'Refusal',
    });
  }
  console.log(`Installed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
