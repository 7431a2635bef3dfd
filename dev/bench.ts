import { parseArgs } from 'node:util';
import { formatTable, type Promised } from '../bench/part.ts';
import { PARTS } from '../bench/parts.ts';
import { tableOfPromises } from '../bench/promises.ts';
import { keepResults, type Results } from '../bench/results.ts';
import { Refusal } from './refusal.ts';
import { step } from './steps.ts';

/**
 * `npm run bench`: measures what is promised. Arguments are names of parts, all when there are none, and `--quick`.
 * A promise that is missed is an error. What was measured whole is kept in `bench/results.json`.
 */
export async function main(benchArguments: readonly string[]): Promise<void> {
  const { quick, names } = optionsOf(benchArguments);
  const promises: Promised[] = [];
  for (const part of PARTS) {
    if (names.length === 0 ? part.onlyByName : !names.includes(part.name)) continue;
    console.log(`${part.name}: ${part.about}`);
    const measured = await step(part.name, () => part.run({ quick }));
    for (const table of measured.tables) console.log(`\n${formatTable(table)}`);
    console.log();
    promises.push(...measured.promises);
    const kept: Results = { [part.name]: { promises: measured.promises, figures: measured.figures } };
    if (!quick)
      keepResults(
        kept,
        PARTS.map(({ name }) => name),
      );
  }
  if (promises.length > 0) console.log(formatTable(tableOfPromises(promises)));
  const missed = promises.filter(({ held }) => !held);
  if (missed.length > 0) {
    throw new Refusal(`missed: ${missed.map(({ what, figure }) => `${what} (${figure})`).join('; ')}`);
  }
}

function optionsOf(benchArguments: readonly string[]): { quick: boolean; names: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...benchArguments],
      options: { quick: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const unknown = positionals.find((name) => PARTS.every((part) => part.name !== name));
    if (unknown !== undefined) throw new Error(`there is no part ${JSON.stringify(unknown)}`);
    return { quick: values.quick, names: positionals };
  } catch (error) {
    const parts = PARTS.map(({ name }) => name).join(', ');
    throw new Refusal(
      `${(error as Error).message}\nusage: npm run bench -- [--quick] [PART…]; the parts are ${parts}`,
    );
  }
}
