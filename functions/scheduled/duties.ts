import { tick } from '../../registry/maintenance/tick.ts';
import { type Bindings, openContext } from '../context.ts';
import { costOf, costSince } from '../cost.ts';
import { describeError, log } from '../log.ts';

/** Runs the duties (`registry/duties/duties.ts`); what each did, what failed and what all came to are lines of the log. */
export async function runDuties(bindings: Bindings, execution: ExecutionContext): Promise<void> {
  const context = openContext(bindings, execution, crypto.randomUUID());
  const { requestId } = context;
  const mark = () => ({ cost: costOf(context), time: Date.now() });
  const since = ({ cost, time }: ReturnType<typeof mark>) => ({
    durationMs: Date.now() - time,
    ...costSince(cost, costOf(context)),
  });
  const start = mark();
  let turn = start;
  let error: string | undefined;
  try {
    await tick(context, {
      began() {
        turn = mark();
      },
      ended({ duty, done, more }, failure) {
        const line = { event: 'duty', duty, done, more, requestId, ...since(turn) };
        if (failure !== undefined) log('error', { ...line, error: describeError(failure) });
        else if (done > 0) log('info', line);
      },
    });
  } catch (failure) {
    error = describeError(failure);
  }
  log(error === undefined ? 'info' : 'error', { event: 'tick', requestId, ...since(start), error });
}
