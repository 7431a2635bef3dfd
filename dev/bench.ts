import { parseArgs } from 'node:util';
import { formatTable } from '../bench/part.ts';
import { PARTS } from '../bench/parts.ts';
import { Refusal } from './refusal.ts';
import { step } from './steps.ts';

/** `npm run bench`: measures what is promised. Arguments are names of parts, all when there are none, and `--quick`. */
export async function main(benchArguments: readonly string[]): Promise<void> {
  const { quick, names } = optionsOf(benchArguments);
  for (const part of PARTS) {
    if (names.length > 0 && !names.includes(part.name)) continue;
    console.log(`${part.name}: ${part.about}`);
    const tables = await step(part.name, () => part.run({ quick }));
    for (const table of tables) console.log(`\n${formatTable(table)}`);
    console.log();
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
