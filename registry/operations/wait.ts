import type { CallerContext } from '../context.ts';
import { getOperation } from './read.ts';
import type { Operation } from './record.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/**
 * An operation when it is done, or as it is after `waitMs`. Each look is one round trip and asks for access again;
 * the pauses grow, so that a minute of waiting stays far below what an invocation may ask of the database.
 */
export async function waitForOperation(
  context: CallerContext,
  operationId: string,
  waitMs: number,
): Promise<Operation> {
  const end = context.now() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const operation = await getOperation(context, operationId);
    const remainingMs = end - context.now();
    if (operation.done || remainingMs <= 0) return operation;
    await context.pause(Math.min(pauseMs, remainingMs));
  }
}
