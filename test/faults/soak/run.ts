import type { BreakableRegistry } from '../setup/behind-proxy.ts';
import { momentaryFaults, quietFaults } from './checks.ts';
import { imagesIn } from './model.ts';
import { openSoak, type Soak } from './soak.ts';
import { STEPS } from './steps.ts';

/** Steps that a failure tells of. */
const TOLD = 25;
const QUIET_EVERY = 50;

export interface SoakOptions {
  readonly seed: number;
  readonly steps: number;
  /** No step begins after so long. */
  readonly timeoutMs: number;
  readonly progress: (line: string) => void;
}

/** What the steps did; a soak that never did something is not worth much. */
export interface SoakResult {
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Throws an error that says seed, step and the last steps, as soon as something does not hold. */
export async function runSoak(registry: BreakableRegistry, options: SoakOptions): Promise<SoakResult> {
  const { seed, steps, timeoutMs, progress } = options;
  const soak = openSoak(registry, seed);
  const history: string[] = [];
  const counts: Record<string, number> = {};
  const end = Date.now() + timeoutMs;
  let step = 0;
  const demand = (found: readonly string[]) => {
    if (found.length > 0) throw new Error(found.join('\n'));
  };
  try {
    for (step = 1; step <= steps && Date.now() < end; step += 1) {
      const { name, done } = await takeStep(soak);
      counts[name] = (counts[name] ?? 0) + 1;
      history.push(`${step} ${name}: ${done}`);
      demand(await momentaryFaults(registry, soak.world));
      if (step % QUIET_EVERY === 0) {
        history.push(`${step} quiet`);
        demand(await quiet(soak));
        progress(`step ${step} of ${steps}: ${soak.world.images.size} images, all is whole`);
      }
    }
    history.push('the end');
    demand(await quiet(soak));
  } catch (error) {
    throw new Error(
      `${(error as Error).message}\nafter step ${step}; again: npm run soak -- --seed ${seed} --steps ${steps}\n` +
        `the last steps:\n${history.slice(-TOLD).join('\n')}`,
      { cause: error },
    );
  }
  return { steps: step - 1, counts };
}

/** Lets everything come to its end; out: what is wrong then. */
async function quiet(soak: Soak): Promise<string[]> {
  soak.heal();
  const { registry, world } = soak;
  const found = await quietFaults(registry, world);
  for (const image of imagesIn(world, 'JUDGING')) {
    if (image.may.size === 1) found.push(`image ${image.id} has no verdict`);
  }
  for (const image of imagesIn(world, 'GONE', 'PURGED')) {
    if (image.may.size === 1) world.images.delete(image.id);
  }
  const rows = await registry.sql<{ id: string; status: 'CREATING' | 'READY' }>(
    'SELECT id, status FROM disks UNION ALL SELECT id, status FROM snapshots',
  );
  for (const volume of [...world.volumes.values()]) {
    const row = rows.find(({ id }) => id === volume.id);
    if (volume.state === 'READY' && row === undefined) found.push(`${volume.kind} ${volume.id} is gone`);
    if (row === undefined) world.volumes.delete(volume.id);
    else volume.state = row.status;
  }
  return found;
}

/** Takes steps by their weight until one finds something to do. */
async function takeStep(soak: Soak): Promise<{ name: string; done: string }> {
  const total = STEPS.reduce((sum, { weight }) => sum + weight, 0);
  for (;;) {
    let at = soak.random.below(total);
    const step = STEPS.find(({ weight }) => {
      at -= weight;
      return at < 0;
    })!;
    try {
      const done = await step.run(soak);
      if (done !== undefined) return { name: step.name, done };
    } catch (error) {
      throw new Error(`${step.name}: ${(error as Error).message}`, { cause: error });
    }
  }
}
