/** `results.json`: what each part found out when it was last measured whole. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../dev/project.ts';
import type { Measured } from './part.ts';

/** By the name of the part. */
export type Results = Readonly<Record<string, Pick<Measured, 'figures' | 'promises'>>>;

const FILE = join(projectFolder, 'bench', 'results.json');

export function committedResults(): Results {
  return JSON.parse(readFileSync(FILE, 'utf8'));
}

/** Replaces what is kept of these parts; what is kept of others stays. `order` names all parts. */
export function keepResults(measured: Results, order: readonly string[]): void {
  const results = { ...committedResults(), ...measured };
  const kept = order.filter((name) => results[name] !== undefined).map((name) => [name, results[name]]);
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
}

/** A ratio as it is kept: more digits would only be noise. */
export function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
