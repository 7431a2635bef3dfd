import { RegistryError } from '../../core/errors.ts';
import { parseMask } from '../../core/field-mask.ts';
import { deleteKey, demandDescription, describeKey, type KeyTable } from '../../db/account-keys.ts';
import type { Credential } from '../../db/callers.ts';
import type { Orm } from '../../db/client.ts';
import type { Query } from '../../db/containers.ts';
import { clearGuards } from '../../db/guards.ts';
import { findServiceAccount } from '../../db/service-accounts.ts';
import type { ServiceAccountRow } from '../../schema/tables/identity.ts';
import { type Access, readAs, readInput, readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import type { Page } from '../lists.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';

/** A key of a service account, of whatever kind, as it may be shown. */
export interface AccountKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly description: string | null;
}

/** Where a key stands: in the folder and the cloud of its service account. */
type Place = Pick<ServiceAccountRow, 'folderId' | 'cloudId'>;

/** In what API keys and authorized keys differ where they are read, changed and deleted. */
export interface KeyKind<Key extends AccountKey> {
  readonly kind: 'apiKey' | 'authorizedKey';
  /** How messages name one. */
  readonly title: string;
  /** What its permissions are about. */
  readonly noun: 'iam.apiKeys' | 'iam.authorizedKeys';
  /** The member of an operation's metadata that names it. */
  readonly idField: 'apiKeyId' | 'keyId';
  readonly table: KeyTable;
  find(orm: Orm, id: string): Query<Key & Place>;
  page(
    orm: Orm,
    credential: Credential,
    serviceAccountId: string | undefined,
    limit: number,
    after: string | undefined,
  ): Query<Key>;
}

const UPDATABLE = ['description'] as const;

/** The account that a call names, or the caller's own. */
const accountScope = (id: string | undefined) =>
  id === undefined ? ({ kind: 'caller', id: '' } as const) : ({ kind: 'serviceAccount', id } as const);

/**
 * The service account for which the caller makes a key, its own without an id. Throws NOT_FOUND, PERMISSION_DENIED,
 * and ALREADY_EXISTS for a repetition under one Idempotency-Key: what was shown once is not kept to be shown again.
 */
export async function accountForKey<Key extends AccountKey>(
  context: CallerContext,
  kind: KeyKind<Key>,
  serviceAccountId: string | undefined,
): Promise<{ readonly access: Access; readonly account: ServiceAccountRow }> {
  const { access, rows, replay } = await readToChange(context, accountScope(serviceAccountId), [
    findServiceAccount(context.db.orm, requireCredential(context), serviceAccountId),
  ]);
  const resource = { kind: 'serviceAccount', id: serviceAccountId ?? access.callerId } as const;
  const own = resource.id === access.callerId;
  const account = requireResource(rows[0][0], access, resource, `${kind.noun}.create`, own);
  if (replay !== undefined) throw alreadyMade(kind, replay.resourceId);
  return { access, account };
}

function alreadyMade({ kind, title }: Pick<KeyKind<AccountKey>, 'kind' | 'title'>, id: string) {
  const description = `${title} ${id} was made by the first request with this Idempotency-Key; its secret was shown then and is not kept. Delete that key if the secret is lost, and make another one with a new Idempotency-Key`;
  return new RegistryError('ALREADY_EXISTS', description, [
    { kind: 'resource', resourceType: `iam.${kind}`, resourceName: id, description },
  ]);
}

/** The operation of a verb on a key, which is done at once; it answers with the key unless that is deleted. */
export function keyOperation<Key extends AccountKey>(
  context: CallerContext,
  access: Access,
  { kind, idField }: KeyKind<Key>,
  verb: 'create' | 'update' | 'delete',
  key: Key & Place,
): Operation {
  const { folderId, cloudId, ...shown } = key;
  return finishedOperation(context, access, {
    kind: `${kind}s.${verb}`,
    resource: { kind, id: key.id, folderId, cloudId },
    metadata: { [idField]: key.id },
    response: verb === 'delete' ? EMPTY : { type: kind, value: shown },
  });
}

/** One key; everyone may see those of the own service account. Throws NOT_FOUND. */
export async function getKey<Key extends AccountKey>(
  context: CallerContext,
  kind: KeyKind<Key>,
  id: string,
): Promise<Key> {
  const resource = { kind: kind.kind, id };
  const { access, rows } = await readAs(context, resource, [kind.find(context.db.orm, id)]);
  const [[row]] = rows;
  return requireResource(row, access, resource, `${kind.noun}.get`, isOwn(access, row));
}

/** The keys of a service account, or of the caller's own, sorted by id. Throws NOT_FOUND, PERMISSION_DENIED. */
export async function listKeys<Key extends AccountKey>(
  context: CallerContext,
  kind: KeyKind<Key>,
  request: PageRequest & { readonly serviceAccountId?: string | undefined },
): Promise<Page<Key>> {
  const { orm } = context.db;
  const { serviceAccountId } = request;
  const credential = requireCredential(context);
  const page = await readPage(context, [`${kind.kind}s`, serviceAccountId ?? ''], request);
  const { access, rows } = await readAs(context, accountScope(serviceAccountId), [
    findServiceAccount(orm, credential, serviceAccountId),
    kind.page(orm, credential, serviceAccountId, page.limit, page.after),
  ]);
  const [[account], found] = rows;
  const id = serviceAccountId ?? access.callerId;
  if (id !== access.callerId) {
    requireResource(account, access, { kind: 'serviceAccount', id }, `${kind.noun}.list`);
  }
  return page.of(found);
}

/** Changes the description. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE. */
export async function updateKey<Key extends AccountKey>(
  context: CallerContext,
  kind: KeyKind<Key>,
  id: string,
  input: { readonly updateMask?: string | undefined; readonly description?: string | undefined },
  ifMatch: string | undefined,
): Promise<Operation> {
  // With one field that can be changed, every mask that can be read names it.
  await readInput(context, () => parseMask(input.updateMask, UPDATABLE));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const resource = { kind: kind.kind, id };
    const { access, rows, replay } = await readToChange(context, resource, [kind.find(orm, id)]);
    const [[row]] = rows;
    const key = requireResource(row, access, resource, `${kind.noun}.update`, isOwn(access, row));
    if (replay !== undefined) return replay;
    await demandContentEtag(key, ifMatch);
    const described = { ...key, description: input.description || null };
    const operation = keyOperation(context, access, kind, 'update', described);
    await context.db.write([
      demandDescription(orm, kind.table, id, key.description),
      describeKey(orm, kind.table, id, described.description),
      ...recordOperation(context, operation, { before: key, after: described }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Deletes a key: from then on it opens nothing. Throws NOT_FOUND, PERMISSION_DENIED, STALE. */
export function removeKey<Key extends AccountKey>(
  context: CallerContext,
  kind: KeyKind<Key>,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const resource = { kind: kind.kind, id };
    const { access, rows, replay } = await readToChange(context, resource, [kind.find(orm, id)]);
    if (replay !== undefined) return replay;
    const [[row]] = rows;
    const key = requireResource(row, access, resource, `${kind.noun}.delete`, isOwn(access, row));
    await demandContentEtag(key, ifMatch);
    const operation = keyOperation(context, access, kind, 'delete', key);
    await context.db.write([
      demandDescription(orm, kind.table, id, key.description),
      deleteKey(orm, kind.table, id),
      ...recordOperation(context, operation, { before: key }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function isOwn(access: Access, key: AccountKey | undefined): boolean {
  return key?.serviceAccountId === access.callerId;
}
