import type { RegistryError } from '../../core/errors.ts';
import type { Statement } from '../../db/client.ts';
import { changeOperation } from '../../db/operations.ts';
import type { OperationResult, OperationRow } from '../../schema/tables/work.ts';
import type { Context } from '../context.ts';
import { operationError } from './record.ts';

/** What an operation comes to. */
export type Outcome = { readonly response: OperationResult } | { readonly error: RegistryError };

/**
 * Ends a running operation, in the batch of what it came to; one that has ended stays as it is. A batch that may not
 * be written then demands besides that it runs. `metadata` replaces what it says of itself.
 */
export function endOperation(
  context: Context,
  operationId: string,
  outcome: Outcome,
  metadata?: OperationRow['metadata'],
): Statement {
  return changeOperation(context.db.orm, operationId, context.now(), {
    done: true,
    stage: null,
    bytesDone: null,
    bytesTotal: null,
    ...('error' in outcome ? { error: operationError(outcome.error) } : outcome),
    ...(metadata === undefined ? {} : { metadata }),
  });
}
