import { RegistryError } from '../core/errors.ts';
import { DatabaseUnavailable } from '../db/client.ts';
import { StoreUnavailable } from '../storage/store.ts';

/**
 * What may be told of any failure: a known refusal as it is, an outage as UNAVAILABLE naming the part, anything else
 * as INTERNAL. Causes go to the log, never into an answer.
 */
export function publicFailure(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const part =
    error instanceof StoreUnavailable
      ? 'object store'
      : error instanceof DatabaseUnavailable
        ? 'database'
        : undefined;
  if (part !== undefined) {
    return new RegistryError('UNAVAILABLE', `The ${part} does not answer; try again`, [
      { kind: 'retry', afterSeconds: 2 },
    ]);
  }
  return new RegistryError(
    'INTERNAL',
    'The registry failed; its operator finds the reason in the log by the request id',
  );
}
