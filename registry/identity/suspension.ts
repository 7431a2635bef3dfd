import { failedPrecondition } from '../../core/errors.ts';
import { demandContent } from '../../db/containers.ts';
import { clearGuards } from '../../db/guards.ts';
import { demandNoSoleOwnership, findSoleOwnership } from '../../db/owners.ts';
import { demandSuspendedAt, findServiceAccount, suspendAccount } from '../../db/service-accounts.ts';
import { serviceAccounts } from '../../schema/tables/identity.ts';
import { readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandNoneOwned } from './owners.ts';
import { SERVICE_ACCOUNT, type ServiceAccount } from './service-accounts.ts';

/**
 * Takes all credentials of a service account out of use, whatever their kind, until it is reactivated; its roles and
 * keys stay. One that is suspended already stays as it is. Nobody suspends itself, so that whoever suspends can take
 * it back, nor the last owner of something.
 * Throws NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION.
 */
export function suspendServiceAccount(context: CallerContext, id: string): Promise<Operation> {
  return changeSuspension(context, id, 'suspend');
}

/** Takes the credentials of a service account into use again. Throws NOT_FOUND, PERMISSION_DENIED. */
export function reactivateServiceAccount(context: CallerContext, id: string): Promise<Operation> {
  return changeSuspension(context, id, 'reactivate');
}

function changeSuspension(
  context: CallerContext,
  id: string,
  verb: 'suspend' | 'reactivate',
): Promise<Operation> {
  const resource = { kind: 'serviceAccount', id } as const;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findServiceAccount(orm, requireCredential(context), id),
      findSoleOwnership(orm, { serviceAccountId: id }),
    ]);
    const [[row], [ownership]] = rows;
    const own = id === access.callerId;
    const account = requireResource(row, access, resource, 'iam.serviceAccounts.update', own);
    if (replay !== undefined) return replay;
    const suspending = verb === 'suspend';
    if (suspending && own) throw ownSuspension(id);
    if (suspending) demandNoneOwned(ownership);
    const changed: ServiceAccount = {
      ...account,
      suspendedAt: suspending ? (account.suspendedAt ?? context.now()) : null,
    };
    const operation = finishedOperation(context, access, {
      kind: `serviceAccounts.${verb}`,
      resource: { kind: 'serviceAccount', id, ...SERVICE_ACCOUNT.placeOf(account) },
      metadata: { serviceAccountId: id },
      response: { type: 'serviceAccount', value: { ...changed } },
    });
    await context.db.write([
      demandContent(orm, serviceAccounts, account),
      demandSuspendedAt(orm, id, account.suspendedAt),
      ...(suspending ? [demandNoSoleOwnership(orm, { serviceAccountId: id })] : []),
      suspendAccount(orm, id, changed.suspendedAt),
      ...recordOperation(context, operation, { before: account, after: changed }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function ownSuspension(id: string) {
  return failedPrecondition(
    id,
    'OWN_ACCOUNT',
    `Service account "${id}" cannot suspend itself; call with the credential of another one`,
  );
}
