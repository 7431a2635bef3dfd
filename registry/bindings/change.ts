import { OWNER_ROLES } from '../../core/access.ts';
import {
  type AccessBinding,
  applyDeltas,
  type BindingChange,
  type BindingDelta,
  judgeBindingChange,
  replaceBindings,
} from '../../core/access-bindings.ts';
import { notFound } from '../../core/errors.ts';
import { bindingsOf, findPlace } from '../../db/access.ts';
import {
  deleteBindings,
  demandBindingCount,
  demandBindings,
  demandResource,
  findStanding,
  findUnknownServiceAccounts,
  insertBindings,
} from '../../db/access-bindings.ts';
import type { Orm, Statement } from '../../db/client.ts';
import { clearGuards } from '../../db/guards.ts';
import type { Change } from '../audit/record.ts';
import { readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { BOUND, type BoundResource } from './bound.ts';

/**
 * Replaces all bindings of a resource by these. out: an operation that is done; its result holds what differs.
 * Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT for an unknown role, FAILED_PRECONDITION for the last owner.
 */
export function setAccessBindings(
  context: CallerContext,
  resource: BoundResource,
  bindings: readonly AccessBinding[],
): Promise<Operation> {
  return changeBindings(context, resource, 'set', bindings, (current) => replaceBindings(current, bindings));
}

/** Applies deltas in their order, all or none; otherwise as `setAccessBindings`. */
export function updateAccessBindings(
  context: CallerContext,
  resource: BoundResource,
  deltas: readonly BindingDelta[],
): Promise<Operation> {
  const added = deltas.filter(({ action }) => action === 'ADD').map(({ binding }) => binding);
  return changeBindings(context, resource, 'update', added, (current) => applyDeltas(current, deltas));
}

function changeBindings(
  context: CallerContext,
  resource: BoundResource,
  method: 'set' | 'update',
  wanted: readonly AccessBinding[],
  decide: (current: readonly AccessBinding[]) => BindingChange,
): Promise<Operation> {
  const { kind, id } = resource;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findPlace(orm, requireCredential(context), resource),
      findStanding(orm, resource),
      bindingsOf(orm, kind, id),
      findUnknownServiceAccounts(orm, serviceAccountsOf(wanted)),
    ]);
    const [[row], [standing], found, unknown] = rows;
    const place = requireResource(standing && row, access, resource, BOUND[kind].change);
    if (replay !== undefined) return replay;
    const change = decide(
      found.map(({ roleId, subjectType, subjectId }) => ({
        roleId,
        subject: { type: subjectType, id: subjectId },
      })),
    );
    judgeBindingChange(change, access.roles);
    demandKnown(
      change,
      unknown.map((one) => one.id),
    );
    const operation = finishedOperation(context, access, {
      kind: BOUND[kind][method],
      resource: { kind, id, folderId: place.folderId, cloudId: place.cloudId },
      metadata: { resourceId: id },
      response: { type: 'accessBindings', value: { effectiveDeltas: change.effective } },
    });
    await context.db.write([
      demandResource(orm, resource),
      ...statementsOf(orm, resource, change, method),
      ...recordOperation(context, operation, bindingsChanged(change)),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function serviceAccountsOf(bindings: readonly AccessBinding[]): string[] {
  return bindings.filter(({ subject }) => subject.type === 'serviceAccount').map(({ subject }) => subject.id);
}

/** No role is given to a service account that does not exist: a slip in an id is told at once. */
function demandKnown(change: BindingChange, unknownIds: readonly string[]): void {
  const missing = serviceAccountsOf(bindingsThat('ADD', change.effective)).find((id) =>
    unknownIds.includes(id),
  );
  if (missing !== undefined) throw notFound('Service account', missing);
}

/**
 * Writes only what differs, so that changes to other bindings of the resource can be made at the same time. What was
 * decided must still hold: what goes is there, what comes is not, the owners that stay are there; and what a `set`
 * leaves is exactly what it was given.
 */
function statementsOf(
  orm: Orm,
  resource: BoundResource,
  { next, effective }: BindingChange,
  method: 'set' | 'update',
): Statement[] {
  const removed = bindingsThat('REMOVE', effective);
  const added = bindingsThat('ADD', effective);
  const statements: Statement[] = [];
  if (removed.length > 0) {
    statements.push(demandBindings(orm, resource, removed), deleteBindings(orm, resource, removed));
  }
  if (added.length > 0) statements.push(insertBindings(orm, resource, added));
  if (method === 'set') {
    statements.push(demandBindings(orm, resource, next), demandBindingCount(orm, resource, next.length));
  } else if (removed.some(isOwnership)) {
    statements.push(demandBindings(orm, resource, next.filter(isOwnership)));
  }
  return statements;
}

function bindingsThat(action: BindingDelta['action'], deltas: readonly BindingDelta[]): AccessBinding[] {
  return deltas.filter((delta) => delta.action === action).map(({ binding }) => binding);
}

/** What an audit event keeps: the bindings that went and those that came, not those that stay. */
function bindingsChanged({ effective }: BindingChange): Change {
  return {
    before: { accessBindings: bindingsThat('REMOVE', effective) },
    after: { accessBindings: bindingsThat('ADD', effective) },
  };
}

function isOwnership({ roleId }: AccessBinding): boolean {
  return (OWNER_ROLES as readonly string[]).includes(roleId);
}
