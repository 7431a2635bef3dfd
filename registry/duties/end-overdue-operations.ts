import { RegistryError } from '../../core/errors.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandRunning, overdueOperations } from '../../db/operations.ts';
import type { OperationRow } from '../../schema/tables/work.ts';
import { endedRow, SCHEDULED } from '../audit/record.ts';
import type { Context } from '../context.ts';
import { endOperation } from '../operations/end.ts';
import { ENDINGS, type Ending } from '../operations/endings.ts';
import { resourceOf } from '../operations/record.ts';
import { writeAndTell } from '../webhooks/announce.ts';
import { oneByOne } from './one-by-one.ts';

export const endOverdueOperations = oneByOne({
  description: 'Ends operations that are past their deadline, and rolls back what they had begun',
  async find({ db, now }, limit) {
    return (await db.read([overdueOperations(db.orm, now(), limit)]))[0];
  },
  tell: ({ id, kind, resourceId }: OperationRow) => ({ operationId: id, operation: kind, resourceId }),
  async act(context, operation) {
    const error = new RegistryError(
      'DEADLINE_EXCEEDED',
      `${operation.description} did not come to an end in time and was taken back; start it again`,
    );
    const rollback = await ENDINGS[operation.kind]?.(context, operation, error);
    const { statements, jobId } = rollback ?? withoutRollback(context, operation, error);
    const event = {
      actorId: SCHEDULED,
      action: operation.kind,
      resource: resourceOf(operation),
      operationId: operation.id,
    };
    await writeAndTell(context, [...statements, endedRow(context, event, error)]);
    if (jobId !== undefined) await context.jobs.send(jobId);
    return true;
  },
});

/** What it had begun is gone, or was finished by somebody else: only the operation is left. */
function withoutRollback(context: Context, { id }: OperationRow, error: RegistryError): Ending {
  const { orm } = context.db;
  return {
    statements: [demandRunning(orm, id), endOperation(context, id, { error }), clearGuards(orm)],
  };
}
