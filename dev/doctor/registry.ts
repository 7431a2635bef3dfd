import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../project.ts';
import { type Check, type Checks, fail, ok, warn } from './check.ts';
import { type Sent, send } from './http.ts';

const MINUTE_MS = 60_000;
/** The clock ticks every minute, but only what did something is recorded. */
const LATE_MS = 15 * MINUTE_MS;
/** Slices of a reconciliation that are asked for; beyond that it goes on by itself. */
const MOST_SLICES = 200;
/** Things that are named one by one; the rest is counted. */
const MOST_NAMED = 20;

interface Run {
  readonly startedAt: string;
  readonly done: number;
  readonly more: boolean;
  readonly error?: string;
  readonly report?: readonly Readonly<Record<string, unknown>>[];
}

interface DutyInfo {
  readonly name: string;
  readonly lastRun?: Run;
}

/** What a registry says of itself over HTTP. in: `key` of an administrator; without one, only what anybody is told. */
export async function* registryChecks(url: string, key: string | undefined): Checks {
  const alive = await send(`${url}/healthz`);
  yield healthCheck(url, alive);
  if (alive.status !== 200) return;
  yield* readinessChecks(await send(`${url}/readyz`));
  if (key === undefined) {
    yield warn(
      'administrator',
      'there is no key to ask with',
      'set BULLION_KEY to the key of an administrator',
    );
    return;
  }
  const headers = { Authorization: `Api-Key ${key}`, 'Content-Type': 'application/json' };
  const duties = await send(`${url}/maintenance/v1/duties`, { headers });
  if (duties.status !== 200) {
    yield fail(
      'administrator',
      duties.fault ?? `the key is answered with ${duties.status}: ${messageOf(duties.text)}`,
      'set BULLION_KEY to a key of an administrator of the organization; npm run bootstrap -- --new-key makes one',
    );
    return;
  }
  yield ok('administrator', 'the key may look after the registry');
  yield* dutyChecks((JSON.parse(duties.text) as { duties: DutyInfo[] }).duties);
  yield* reconciliationChecks((dryRun) =>
    send(`${url}/maintenance/v1/runs`, { method: 'POST', headers, body: JSON.stringify(dryRun) }),
  );
}

function healthCheck(url: string, { fault, status, text }: Sent): Check {
  if (fault !== undefined || status !== 200) {
    const what = fault ?? `${url}/healthz is answered with ${status}`;
    return fail('registry', what, 'start it, or set BULLION_URL to where it answers');
  }
  const { version } = JSON.parse(text) as { version: string };
  const own = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')).version;
  return version === own
    ? ok('registry', `${url} runs version ${version}`)
    : warn(
        'registry',
        `${url} runs version ${version}, this is ${own}`,
        'deploy this version, or check that one out',
      );
}

const PART_CURES: Readonly<Record<string, string>> = {
  database: 'apply the migrations (npm run deploy does), and see the lines "not ready" of the log',
  bucket:
    'set the S3_… settings of the Worker; with the same ones here the checks of the bucket say what is wrong',
  queue: 'make the queues of wrangler.toml (npx wrangler queues create NAME)',
  inspection: 'deploy the Worker of wrangler.inspection.toml (npm run deploy does)',
};

function* readinessChecks({ fault, status, text }: Sent): Generator<Check> {
  const parts = parsed<Record<string, string>>(text);
  if (fault !== undefined || parts?.status === undefined) {
    const what = fault ?? `/readyz is answered with ${status}: ${messageOf(text)}`;
    yield fail('parts', what, 'a setting of the Worker is missing or malformed; its log names it');
    return;
  }
  for (const [part, cure] of Object.entries(PART_CURES)) {
    yield parts[part] === 'ok'
      ? ok(part, 'answers the registry')
      : fail(part, 'does not answer the registry', cure);
  }
}

function* dutyChecks(duties: readonly DutyInfo[]): Generator<Check> {
  const runs = duties.flatMap(({ lastRun }) =>
    lastRun === undefined ? [] : [Date.parse(lastRun.startedAt)],
  );
  const ageMs = Date.now() - Math.max(...runs);
  const minutes = Math.floor(ageMs / MINUTE_MS);
  if (runs.length === 0) {
    yield ok('clock of duties', 'no duty has had anything to do yet');
  } else if (ageMs > LATE_MS) {
    yield warn(
      'clock of duties',
      `the last one that did something ran ${minutes} min ago`,
      'fine when nothing happens; else see whether [triggers] of wrangler.toml are deployed',
    );
  } else yield ok('clock of duties', `the last one that did something ran ${minutes} min ago`);
  for (const { name, lastRun } of duties) {
    if (lastRun?.error !== undefined) {
      yield fail(`duty ${name}`, lastRun.error, 'mend the cause; it goes on by itself with its next run');
    }
  }
}

const APPLY = 'POST /maintenance/v1/runs?apply=true {"duty":"reconcile"}';
/** How what does not fit together is mended. */
const FINDING_CURES: Readonly<Record<string, string>> = {
  UNKNOWN_OBJECT: `${APPLY} deletes it`,
  UNKNOWN_UPLOAD: `${APPLY} aborts it`,
  WRONG_QUOTA: `${APPLY} counts it anew`,
  LOST_OBJECT: `put the object back from a copy of the bucket; if there is none, ${APPLY} marks what stands on it as ERROR`,
  FORSAKEN_LAYER: 'delete the image, disk or snapshot that names it',
  DEAD_JOB: 'mend what its error says; the log has lines of the same jobId',
};

/** Compares rows and store, slice by slice, changing nothing. */
async function* reconciliationChecks(run: (body: object) => Promise<Sent>): Checks {
  const items: Readonly<Record<string, unknown>>[] = [];
  let more = true;
  for (let slice = 0; more && slice < MOST_SLICES; slice += 1) {
    const { fault, status, text } = await run({ duty: 'reconcile', dryRun: true });
    const answer = parsed<Run>(text);
    if (fault !== undefined || status !== 200 || answer === undefined || answer.error !== undefined) {
      const what = fault ?? answer?.error ?? `is answered with ${status}: ${messageOf(text)}`;
      yield fail('reconciliation', what, 'mend the cause and run the doctor again');
      return;
    }
    items.push(...(answer.report ?? []));
    more = answer.more;
  }
  const findings = items.filter(({ finding }) => finding !== undefined);
  const looked = textOf((items.find(({ summary }) => summary !== undefined)?.summary ?? {}) as object);
  if (findings.length === 0) yield ok('reconciliation', `rows and store agree (${looked})`);
  for (const { finding, mended: _, ...rest } of findings.slice(0, MOST_NAMED)) {
    const kind = String(finding);
    const cure = FINDING_CURES[kind] ?? `${APPLY} mends what is safe to mend`;
    yield (kind === 'DEAD_JOB' ? warn : fail)('reconciliation', `${kind} ${textOf(rest)}`, cure);
  }
  if (findings.length > MOST_NAMED) {
    const left = `and ${findings.length - MOST_NAMED} more (${looked})`;
    yield fail('reconciliation', left, 'GET /maintenance/v1/runs?duty=reconcile has them all');
  }
}

/** The members that are plain, as words. */
function textOf(item: object): string {
  return Object.entries(item)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

function messageOf(text: string): string {
  return parsed<{ message?: string }>(text)?.message ?? text.slice(0, 200);
}
