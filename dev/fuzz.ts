import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { keepFinding, readFinding } from './fuzz/finding.ts';
import { type Judgement, judge } from './fuzz/judge.ts';
import { mutantOf } from './fuzz/mutate.ts';
import { loadSamples } from './fuzz/samples.ts';
import { startWatchdog } from './fuzz/watchdog.ts';
import { projectFolder } from './project.ts';
import { Refusal } from './refusal.ts';

const USAGE =
  'usage: npm run fuzz -- [--seed NUMBER] [--minutes NUMBER] [--out FOLDER], or npm run fuzz -- --replay FILE|SEED:NUMBER';
/** After so many the next seed begins. */
const MUTANTS_OF_A_SEED = 1_000_000;
const LARGEST_SEED = 2 ** 31 - 1;
const SECONDS_OF_A_MUTANT = 60;
const SECONDS_BETWEEN_LINES = 10;
/** One mutant in so many is inspected twice, and one step by step. */
const THOROUGH_EVERY = 16;
/** Of findings that say the same no more files than this are kept. */
const KEPT_OF_A_KIND = 5;

/**
 * `npm run fuzz`: changes the samples by new seeds until it is stopped, or for `--minutes`, and keeps every mutant of
 * which something does not hold. The exit status is 1 when there was one.
 */
export async function main(fuzzArguments: readonly string[]): Promise<void> {
  const options = optionsOf(fuzzArguments);
  const findings = options.replay === undefined ? await fuzz(options) : (await replay(options.replay)).length;
  process.exitCode = findings > 0 ? 1 : 0;
}

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly out: string;
  readonly replay: string | undefined;
}

function optionsOf(fuzzArguments: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...fuzzArguments],
      options: {
        seed: { type: 'string', default: String(Date.now() % LARGEST_SEED) },
        minutes: { type: 'string', default: 'Infinity' },
        out: { type: 'string', default: resolve(projectFolder, '.bullion', 'fuzz') },
        replay: { type: 'string' },
      },
    });
    const seed = Number(values.seed);
    const minutes = Number(values.minutes);
    if (!Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED) {
      throw new RangeError(`--seed is an integer from 0 to ${LARGEST_SEED}`);
    }
    if (!(minutes > 0)) throw new RangeError('--minutes is a number above 0');
    return { seed, minutes, out: fromCaller(values.out), replay: values.replay };
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
}

/** npm runs scripts in the project's folder; paths are meant from where it was called. */
function fromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

/** out: how many mutants had a problem. */
async function fuzz({ seed, minutes, out }: Options): Promise<number> {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const samples = await loadSamples();
  const watchdog = startWatchdog(SECONDS_OF_A_MUTANT);
  const tally = { judged: 0, accepted: 0, found: 0 };
  const kinds = new Map<string, number>();
  const began = performance.now();
  const end = began + minutes * 60_000;
  let nextLine = began + SECONDS_BETWEEN_LINES * 1000;
  console.log(`${samples.length} samples, from mutant ${seed}:0 on; end it with Ctrl-C`);
  while (!stopped && performance.now() < end) {
    const number = tally.judged % MUTANTS_OF_A_SEED;
    const seedNow = (seed + Math.floor(tally.judged / MUTANTS_OF_A_SEED)) % LARGEST_SEED;
    watchdog.watch(seedNow, number);
    const mutant = mutantOf(samples, seedNow, number);
    const judgement = await judge(mutant, thoroughness(number));
    tally.judged += 1;
    if (judgement.report?.verdict === 'accept') tally.accepted += 1;
    if (judgement.problems.length > 0) {
      tally.found += 1;
      // Numbers and places differ from mutant to mutant.
      const kind = judgement.problems[0]!.replace(/\d+/g, '#');
      const before = kinds.get(kind) ?? 0;
      kinds.set(kind, before + 1);
      if (before < KEPT_OF_A_KIND) {
        const path = keepFinding(out, mutant, judgement);
        console.log(`${mutant.name} of ${mutant.sample}: ${judgement.problems.join('; ')}`);
        console.log(`  run it again: npm run fuzz -- --replay ${path}`);
      }
    }
    if (performance.now() > nextLine) {
      nextLine += SECONDS_BETWEEN_LINES * 1000;
      console.log(tallyLine(tally, began));
    }
    // Signals are delivered only between two turns.
    if (number % 64 === 0) await turn();
  }
  await watchdog.stop();
  console.log(tallyLine(tally, began));
  for (const [kind, count] of kinds) console.log(`  ${count} × ${kind.split('\n')[0]}`);
  return tally.found;
}

function thoroughness(number: number): { again: boolean; steps: boolean } {
  // The samples take turns as well, so their number must not decide which of them is looked at closely.
  const slot = Math.floor(number / 7) % THOROUGH_EVERY;
  return { again: slot === 0, steps: slot === THOROUGH_EVERY / 2 };
}

function tallyLine(tally: { judged: number; accepted: number; found: number }, began: number): string {
  const seconds = (performance.now() - began) / 1000;
  const rate = Math.round(tally.judged / seconds);
  return `${tally.judged} mutants in ${seconds.toFixed(0)} s (${rate} a second), ${tally.accepted} accepted, ${tally.found} found`;
}

/** Judges one finding, or the mutant of a name, again. out: its problems. */
async function replay(what: string): Promise<readonly string[]> {
  const [, seed, number] = /^(\d+):(\d+)$/.exec(what) ?? [];
  const mutant =
    seed === undefined
      ? readFinding(fromCaller(what))
      : mutantOf(await loadSamples(), Number(seed), Number(number));
  const judgement: Judgement = await judge(mutant, { again: true, steps: true });
  console.log(JSON.stringify(judgement.report, null, 2));
  for (const problem of judgement.problems) console.log(`${mutant.name}: ${problem}`);
  if (judgement.problems.length === 0) console.log(`${mutant.name}: everything holds`);
  return judgement.problems;
}
