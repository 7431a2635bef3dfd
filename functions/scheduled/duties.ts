import type { Context } from '../../registry/context.ts';
import { deleteDueFolders } from '../../registry/identity/delete-folder.ts';
import { forgetExpiredTokens } from '../../registry/identity/iam-tokens.ts';
import { resendJobs } from '../../registry/jobs/run.ts';
import { deleteUnnamedLayers } from '../../registry/layers/delete.ts';
import { forgetIdempotencyKeys, forgetOperations } from '../../registry/operations/forget.ts';
import { expireUploads } from '../../registry/uploads/abort.ts';
import { type Bindings, openContext } from '../context.ts';
import { describeError, log } from '../log.ts';

/** What one tick does, in this order. Each is idempotent, bounded, and safe when two run at once; out: how many it did. */
const DUTIES: Readonly<Record<string, (context: Context) => Promise<number>>> = {
  'expire-uploads': expireUploads,
  'delete-due-folders': deleteDueFolders,
  'delete-unnamed-layers': deleteUnnamedLayers,
  'resend-jobs': resendJobs,
  'forget-idempotency-keys': forgetIdempotencyKeys,
  'forget-operations': forgetOperations,
  'forget-expired-tokens': forgetExpiredTokens,
};

/** Runs every duty; one that fails is logged and does not hold up the others. */
export async function runDuties(bindings: Bindings, execution: ExecutionContext): Promise<void> {
  for (const [duty, run] of Object.entries(DUTIES)) {
    const context = openContext(bindings, execution, crypto.randomUUID());
    const began = Date.now();
    try {
      const done = await run(context);
      if (done > 0) log('info', { event: 'duty', duty, done, ...figures(context, began) });
    } catch (error) {
      log('error', { event: 'duty', duty, error: describeError(error), ...figures(context, began) });
    }
  }
}

function figures(context: Context, began: number) {
  return {
    requestId: context.requestId,
    durationMs: Date.now() - began,
    d1RoundTrips: context.db.cost.roundTrips,
    rowsRead: context.db.cost.rowsRead,
    rowsWritten: context.db.cost.rowsWritten,
    s3Calls: context.store.calls,
  };
}
