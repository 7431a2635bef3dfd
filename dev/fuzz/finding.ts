import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '../../inspect/limits.ts';
import type { Report } from '../../inspect/report.ts';
import { parseRecipe, recipeOf } from '../../test/sparse-image.ts';
import { Refusal } from '../refusal.ts';
import type { Judgement } from './judge.ts';
import type { Mutant } from './mutate.ts';

/** A mutant of which something does not hold, with its bytes: it can be judged again when the mutator has changed. */
interface FindingFile {
  readonly mutant: string;
  readonly sample: string;
  readonly edits: readonly string[];
  readonly limits: Partial<Limits>;
  readonly problems: readonly string[];
  readonly report?: Report;
  /** As the recipes of test/corpus. */
  readonly image: ReturnType<typeof recipeOf>;
}

/** Writes a finding into the folder. out: the path of its file. */
export function keepFinding(folder: string, mutant: Mutant, { problems, report }: Judgement): string {
  const { name, sample, edits, limits, image } = mutant;
  const file: FindingFile = {
    mutant: name,
    sample,
    edits,
    limits,
    problems,
    ...(report === undefined ? {} : { report }),
    image: recipeOf(image),
  };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name.replace(':', '-')}.json`);
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

/** What of a finding is judged. Throws a Refusal when the file cannot be read or is none. */
export function readFinding(path: string): Pick<Mutant, 'name' | 'image' | 'limits'> {
  try {
    const { mutant, image, limits }: FindingFile = JSON.parse(readFileSync(path, 'utf8'));
    return { name: mutant, image: parseRecipe(JSON.stringify(image)), limits };
  } catch (error) {
    throw new Refusal(`${path} is not a finding of npm run fuzz: ${(error as Error).message}`);
  }
}
