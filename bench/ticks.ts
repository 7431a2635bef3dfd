/** Runs of the scheduled functions, and what their lines say that they cost. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cost } from '../functions/cost.ts';
import type { BenchRegistry, Line } from './registry.ts';

export type { Cost } from '../functions/cost.ts';

export const COSTS = [
  'd1Statements',
  'd1RoundTrips',
  'rowsRead',
  'rowsWritten',
  's3Calls',
  'messages',
] as const satisfies readonly (keyof Cost)[];

/** Titles of the columns of `COSTS`. */
export const COST_COLUMNS = [
  'D1 statements',
  'D1 round trips',
  'rows read',
  'rows written',
  'S3 calls',
  'messages',
] as const;

/** What the platform counts against 1,000 besides statements. */
export const requestsOf = ({ s3Calls, messages }: Cost) => s3Calls + messages;

export interface Tick {
  readonly whole: Cost;
  /** Duties that did something. */
  readonly duties: readonly Line[];
}

const POLLS = 500;
const POLL_MS = 10;

/** Runs the scheduled functions once, as the clock does. Throws when a duty fails. */
export async function tickOf({ local, lines }: BenchRegistry): Promise<Tick> {
  lines.length = 0;
  await local.runScheduled();
  // Lines come through a pipe, a moment after the answer.
  for (let poll = 0; poll < POLLS; poll += 1) {
    const whole = lines.find(({ event }) => event === 'tick');
    if (whole !== undefined) {
      const failed = lines.find(({ event, error }) => event !== 'job' && error !== undefined);
      if (failed !== undefined) throw new Error(`${failed.duty ?? 'tick'}: ${JSON.stringify(failed.error)}`);
      return { whole: costOf(whole), duties: lines.filter(({ event }) => event === 'duty') };
    }
    await wait(POLL_MS);
  }
  throw new Error('the scheduled functions ended without a line about it');
}

export function costOf(line: Cost): Cost {
  return pick((figure) => line[figure]);
}

/** Figure by figure the most of several; of one at least. */
export function dearestOf(costs: readonly Cost[]): Cost {
  if (costs.length === 0) throw new RangeError('there is no dearest of nothing');
  return pick((figure) => Math.max(...costs.map((cost) => cost[figure])));
}

function pick(figureOf: (figure: keyof Cost) => number): Cost {
  return Object.fromEntries(COSTS.map((figure) => [figure, figureOf(figure)])) as Record<keyof Cost, number>;
}
