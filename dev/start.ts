import { relative } from 'node:path';
import { type Local, startLocal } from './local.ts';
import { Refusal } from './refusal.ts';
import { readStartSettings } from './settings.ts';

const PARENT_WATCH_MS = 500;
/** After a signal the process is gone by then, whatever a part is still waiting for. */
const STOP_DEADLINE_MS = 900;

/** `npm start`: one registry on this machine, until SIGTERM or SIGINT. */
export async function main(): Promise<void> {
  const began = performance.now();
  const settings = readStartSettings(process.env);
  const stopAsked = new Promise<void>((ask) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ask());
    whenNpmEnds(ask);
  });
  stopAsked.then(() => setTimeout(() => process.exit(0), STOP_DEADLINE_MS).unref());

  const local = await startLocal({
    state: settings.BULLION_STATE,
    host: settings.HOST,
    port: settings.PORT,
    s3Port: settings.S3_PORT,
    sweepSeconds: settings.BULLION_SWEEP_SECONDS,
    env: process.env,
    log: (line) => console.log(line),
  });
  console.log(greeting(local, (performance.now() - began) / 1000));

  const crash = await Promise.race([stopAsked, local.crashed]);
  await local.stop();
  if (typeof crash === 'string') throw new Refusal(`${crash}; start again to go on where it stopped`);
  process.exit(0);
}

/** npm and its shell may die without passing the signal on; this process is then a child of another one. */
function whenNpmEnds(ask: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) ask();
  }, PARENT_WATCH_MS);
  watch.unref();
}

function greeting(local: Local, seconds: number): string {
  const fromHere = relative(process.cwd(), local.state.adminKeyFile);
  const keyFile = shellWord(fromHere.startsWith('..') ? local.state.adminKeyFile : fromHere);
  const authorization = '-H "Authorization: Api-Key $KEY"';
  const field = (name: string) => `grep -o '"${name}":"[^"]*' | cut -d'"' -f4`;
  return `
Bullion is ready (${seconds.toFixed(1)} s)

  registry       ${local.url}
  documentation  ${local.url}/docs
  object store   ${local.s3Url}
  state          ${local.state.path}
  key            ${local.adminKey()}
                 service account local-admin, also in ${keyFile}

A first push of a disk image of at most 8 MiB, which is one part (npm run demo makes one and pushes it):

  KEY=$(cat ${keyFile}); IMAGES=${local.url}/compute/v1/images; DISK=disk.img
  IMAGE=$(curl -sS $IMAGES ${authorization} -d '{"folderId":"default","family":"first","upload":{"size":"'$(($(wc -c <$DISK)))'"}}' | ${field('imageId')})
  PART=$(curl -sS $IMAGES/$IMAGE:signParts ${authorization} -d '{"partNumbers":[1]}' | ${field('url')})
  curl -sS -T $DISK "$PART"
  curl -sS $IMAGES/$IMAGE:completeUpload ${authorization} -d '{}'

Ctrl-C stops it; the state stays. One JSON line for each request and job follows.
`;
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
