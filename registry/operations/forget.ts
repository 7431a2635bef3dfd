import { deleteIdempotencyKeysBefore } from '../../db/idempotency.ts';
import { deleteOperationsEndedBefore } from '../../db/operations.ts';
import type { Context } from '../context.ts';

const DAY_MS = 86_400_000;
const KEY_DAYS = 1;
const OPERATION_DAYS = 30;
const ROWS_PER_RUN = 1000;

/** Idempotency keys count for a day. out: how many were forgotten. */
export async function forgetIdempotencyKeys(context: Context): Promise<number> {
  const before = context.now() - KEY_DAYS * DAY_MS;
  const [keys] = await context.db.write([deleteIdempotencyKeysBefore(context.db.orm, before, ROWS_PER_RUN)]);
  return keys.length;
}

/** An ended operation tells why for thirty days. out: how many were forgotten. */
export async function forgetOperations(context: Context): Promise<number> {
  const before = context.now() - OPERATION_DAYS * DAY_MS;
  const [operations] = await context.db.write([
    deleteOperationsEndedBefore(context.db.orm, before, ROWS_PER_RUN),
  ]);
  return operations.length;
}
