import { RegistryError } from '../core/errors.ts';
import { WriteConflict } from '../db/client.ts';

const ATTEMPTS = 6;

/**
 * Reads, decides and writes; when the batch is undone because the world has moved in between, reads again and
 * decides again. `attempt` therefore begins with its reads and has no effect but its batch.
 */
export async function decideAgain<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      if (count === ATTEMPTS) {
        throw new RegistryError('ABORTED', 'Other changes to the same resources came in between; try again', [
          { kind: 'retry', afterSeconds: 1 },
        ]);
      }
    }
  }
}
