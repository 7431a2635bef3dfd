import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runningProcess } from './processes.ts';
import { Refusal } from './refusal.ts';

/** The folder that holds everything of one local registry that must survive a restart. */
export interface StateFolder {
  readonly path: string;
  readonly d1: string;
  readonly objects: string;
  readonly adminKeyFile: string;
  readonly workerdFile: string;
  /** Lets another process use the folder. */
  release(): void;
}

const CLAIM_ATTEMPTS = 5;
let claimsMade = 0;

/** Makes the folder when it is missing and claims it, so that it is used once at a time. */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const folder = resolve(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Refusal(`BULLION_STATE: ${folder} cannot be used as a folder (${(error as Error).message})`);
  }
  const release = await claim(folder);
  return {
    path: folder,
    d1: join(folder, 'd1'),
    objects: join(folder, 'objects'),
    adminKeyFile: join(folder, 'local-admin.key'),
    workerdFile: join(folder, 'workerd.json'),
    release,
  };
}

/**
 * Every user writes its own claim first and looks for others afterwards, so of two at the same time at least one
 * sees the other and steps back. A claim counts only while the very process that wrote it runs: none has to be
 * taken away from a process that was killed, which is where a single lock file has its race.
 */
async function claim(folder: string): Promise<() => void> {
  const claims = join(folder, 'claims');
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  const self = runningProcess(process.pid);
  if (self === undefined) throw new Error('the table of processes cannot be read');
  claimsMade += 1;
  const ownName = [self.pid, encodeURIComponent(self.startedAt), claimsMade].join('@');
  const own = join(claims, ownName);
  let rival: number | undefined;
  for (let attempt = 1; attempt <= CLAIM_ATTEMPTS; attempt += 1) {
    writeFileSync(own, '');
    rival = undefined;
    for (const name of readdirSync(claims)) {
      if (name === ownName) continue;
      const [pid, startedAt] = name.split('@');
      const running = runningProcess(Number(pid));
      if (running !== undefined && encodeURIComponent(running.startedAt) === startedAt) rival = running.pid;
      else rmSync(join(claims, name), { force: true });
    }
    if (rival === undefined) return () => rmSync(own, { force: true });
    rmSync(own, { force: true });
    if (attempt < CLAIM_ATTEMPTS) await delay(20 + Math.random() * 60);
  }
  throw new Refusal(
    `the state folder ${folder} is in use by process ${rival}; stop that one or set BULLION_STATE to another folder`,
  );
}

/** The local store's credential, made once. */
export function localStoreCredential(state: StateFolder): { accessKeyId: string; secretAccessKey: string } {
  const path = join(state.path, 'object-store.json');
  const text = readText(path);
  if (text !== undefined) return JSON.parse(text);
  const credential = {
    accessKeyId: `BULLION${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(32).toString('base64url'),
  };
  writePrivately(path, `${JSON.stringify(credential)}\n`);
  return credential;
}

/** Writes a file that only its owner reads: whole or not at all, whenever the process may be killed. */
export function writePrivately(path: string, text: string): void {
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const file = openSync(unfinished, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** The file's text, or undefined when there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
