import { parseArgs } from 'node:util';
import { Refusal } from './refusal.ts';
import { run } from './steps.ts';

const USAGE = 'usage: npm run soak -- [--seed NUMBER] [--steps NUMBER] [--minutes NUMBER]';

/** `npm run soak`: the long run of `test/faults/soak`. A failure says the seed and the last steps. */
export async function main(soakArguments: readonly string[]): Promise<void> {
  const { seed, steps, minutes } = optionsOf(soakArguments);
  Object.assign(process.env, { SOAK_SEED: seed, SOAK_STEPS: steps, SOAK_MINUTES: minutes });
  const { code } = await run(
    'vitest',
    ['run', '--project=service', '--disableConsoleIntercept', 'test/faults/soak'],
    'inherit',
  );
  process.exitCode = code;
}

function optionsOf(soakArguments: readonly string[]): Record<'seed' | 'steps' | 'minutes', string> {
  try {
    const { values } = parseArgs({
      args: [...soakArguments],
      options: {
        seed: { type: 'string', default: '1' },
        steps: { type: 'string', default: '2000' },
        minutes: { type: 'string', default: '30' },
      },
    });
    for (const [name, value] of Object.entries(values)) {
      if (!/^[1-9]\d{0,8}$/.test(value)) throw new RangeError(`--${name} is a whole number from 1`);
    }
    return values;
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
}
