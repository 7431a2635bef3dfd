import { tick } from '../../registry/maintenance/tick.ts';
import { type Bindings, openContext } from '../context.ts';
import { costOf, costSince } from '../cost.ts';
import { describeError, log } from '../log.ts';

/** Runs the duties (`registry/duties/duties.ts`); what each did, and why one failed, is a line of the log. */
export async function runDuties(bindings: Bindings, execution: ExecutionContext): Promise<void> {
  const context = openContext(bindings, execution, crypto.randomUUID());
  const { requestId } = context;
  let before = costOf(context);
  let began = Date.now();
  try {
    await tick(context, ({ duty, done, more }, failure) => {
      const now = costOf(context);
      const line = {
        event: 'duty',
        duty,
        done,
        more,
        requestId,
        durationMs: Date.now() - began,
        ...costSince(before, now),
      };
      if (failure !== undefined) log('error', { ...line, error: describeError(failure) });
      else if (done > 0) log('info', line);
      before = now;
      began = Date.now();
    });
  } catch (error) {
    log('error', { event: 'tick', requestId, error: describeError(error) });
  }
}
