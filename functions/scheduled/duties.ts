import { tick } from '../../registry/maintenance/tick.ts';
import { type Bindings, openContext } from '../context.ts';
import { costOf, costSince } from '../cost.ts';
import { describeError, log } from '../log.ts';

/** Runs the duties (`registry/duties/duties.ts`); what each did, what failed and what all came to are lines of the log. */
export async function runDuties(bindings: Bindings, execution: ExecutionContext): Promise<void> {
  const context = openContext(bindings, execution, crypto.randomUUID());
  const { requestId } = context;
  const start = { cost: costOf(context), time: Date.now() };
  let before = start;
  const since = ({ cost, time }: typeof start) => ({
    durationMs: Date.now() - time,
    ...costSince(cost, costOf(context)),
  });
  let error: string | undefined;
  try {
    await tick(context, ({ duty, done, more }, failure) => {
      const line = { event: 'duty', duty, done, more, requestId, ...since(before) };
      if (failure !== undefined) log('error', { ...line, error: describeError(failure) });
      else if (done > 0) log('info', line);
      before = { cost: costOf(context), time: Date.now() };
    });
  } catch (failure) {
    error = describeError(failure);
  }
  log(error === undefined ? 'info' : 'error', { event: 'tick', requestId, ...since(start), error });
}
