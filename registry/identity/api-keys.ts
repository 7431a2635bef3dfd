import type { KeyScope } from '../../core/access.ts';
import { RegistryError } from '../../core/errors.ts';
import { parseMask } from '../../core/field-mask.ts';
import { KEY_RANDOM_BYTES, makeSecret } from '../../core/ids.ts';
import { demandResource } from '../../db/access-bindings.ts';
import {
  deleteApiKey as deleteRow,
  demandDescription,
  describeApiKey,
  findApiKey,
  insertApiKey,
  listApiKeys as pageOfKeys,
} from '../../db/api-keys.ts';
import { clearGuards } from '../../db/guards.ts';
import { findServiceAccount } from '../../db/service-accounts.ts';
import type { ApiKeyRow, ServiceAccountRow } from '../../schema/tables/identity.ts';
import type { OperationResult } from '../../schema/tables/work.ts';
import { readAs, readInput, readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { sha256Hex } from '../digest.ts';
import type { Page } from '../images/list.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';

/** A key as it may be shown. */
export type ApiKey = Omit<ApiKeyRow, 'secretHash' | 'prefix'>;

const UPDATABLE = ['description'] as const;
const SHOWN_CHARACTERS = 6;

const resourceOf = (id: string) => ({ kind: 'apiKey', id }) as const;
const placeOf = (key: ApiKey, { folderId, cloudId }: Pick<ServiceAccountRow, 'folderId' | 'cloudId'>) =>
  ({ kind: 'apiKey', id: key.id, folderId, cloudId }) as const;

/** Without the members that only place it. */
function resultOf(key: ApiKey & { folderId?: string; cloudId?: string }): OperationResult {
  const { folderId: _, cloudId: __, ...shown } = key;
  return { type: 'apiKey', value: shown };
}

/** The account that a call names, or the caller's own. */
const accountScope = (id: string | undefined) =>
  id === undefined ? ({ kind: 'caller', id: '' } as const) : ({ kind: 'serviceAccount', id } as const);

export interface CreateApiKey {
  /** The caller's own without one. */
  readonly serviceAccountId?: string | undefined;
  readonly description?: string | undefined;
  /** None means that the key is not narrowed. */
  readonly scopes: readonly KeyScope[];
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined;
}

/**
 * Makes a key of a service account. out: the key, and its whole secret, which nothing keeps: a repetition of the
 * request under the same Idempotency-Key is therefore ALREADY_EXISTS, naming the key.
 * Throws NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS.
 */
export function createApiKey(
  context: CallerContext,
  input: CreateApiKey,
): Promise<{ readonly apiKey: ApiKey; readonly secret: string }> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, accountScope(input.serviceAccountId), [
      findServiceAccount(orm, requireCredential(context), input.serviceAccountId),
    ]);
    const resource = { kind: 'serviceAccount', id: input.serviceAccountId ?? access.callerId } as const;
    const own = resource.id === access.callerId;
    const account = requireResource(rows[0][0], access, resource, 'iam.apiKeys.create', own);
    if (replay !== undefined) throw alreadyMade(replay.resourceId);
    const secret = makeSecret(context.randomBytes(KEY_RANDOM_BYTES));
    const apiKey: ApiKey = {
      id: newId(context, 'apiKey'),
      serviceAccountId: account.id,
      maskedSecret: `****${secret.text.slice(-SHOWN_CHARACTERS)}`,
      description: input.description || null,
      scopes: input.scopes.length > 0 ? [...input.scopes] : null,
      createdAt: context.now(),
      expiresAt: input.expiresAt ?? null,
      lastUsedAt: null,
    };
    const operation = finishedOperation(context, access, {
      kind: 'apiKeys.create',
      resource: placeOf(apiKey, account),
      metadata: { apiKeyId: apiKey.id },
      response: resultOf(apiKey),
    });
    await context.db.write([
      demandResource(orm, resource),
      insertApiKey(orm, {
        ...apiKey,
        prefix: secret.publicPrefix,
        secretHash: await sha256Hex(secret.text),
      }),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return { apiKey, secret: secret.text };
  });
}

function alreadyMade(apiKeyId: string): RegistryError {
  const description = `API key ${apiKeyId} was made by the first request with this Idempotency-Key; its secret was shown then and is not kept. Delete that key if the secret is lost, and make another one with a new Idempotency-Key`;
  return new RegistryError('ALREADY_EXISTS', description, [
    { kind: 'resource', resourceType: 'iam.apiKey', resourceName: apiKeyId, description },
  ]);
}

/** One key; everyone may see those of the own service account. Throws NOT_FOUND. */
export async function getApiKey(context: CallerContext, id: string): Promise<ApiKey> {
  const { access, rows } = await readAs(context, resourceOf(id), [findApiKey(context.db.orm, id)]);
  const [[row]] = rows;
  const own = row?.serviceAccountId === access.callerId;
  return requireResource(row, access, resourceOf(id), 'iam.apiKeys.get', own);
}

/** The keys of a service account, or of the caller's own, sorted by id. Throws NOT_FOUND, PERMISSION_DENIED. */
export async function listApiKeys(
  context: CallerContext,
  request: PageRequest & { readonly serviceAccountId?: string | undefined },
): Promise<Page<ApiKey>> {
  const { orm } = context.db;
  const { serviceAccountId } = request;
  const credential = requireCredential(context);
  const page = await readPage(context, ['api keys', serviceAccountId ?? ''], request);
  const { access, rows } = await readAs(context, accountScope(serviceAccountId), [
    findServiceAccount(orm, credential, serviceAccountId),
    pageOfKeys(orm, credential, serviceAccountId, page.limit, page.after),
  ]);
  const [[account], found] = rows;
  const id = serviceAccountId ?? access.callerId;
  if (id !== access.callerId) {
    requireResource(account, access, { kind: 'serviceAccount', id }, 'iam.apiKeys.list');
  }
  return page.of(found);
}

/** Changes the description. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE. */
export async function updateApiKey(
  context: CallerContext,
  id: string,
  input: { readonly updateMask?: string | undefined; readonly description?: string | undefined },
  ifMatch: string | undefined,
): Promise<Operation> {
  // With one field that can be changed, every mask that can be read names it.
  await readInput(context, () => parseMask(input.updateMask, UPDATABLE));
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [findApiKey(orm, id)]);
    const [[row]] = rows;
    const own = row?.serviceAccountId === access.callerId;
    const key = requireResource(row, access, resourceOf(id), 'iam.apiKeys.update', own);
    if (replay !== undefined) return replay;
    await demandContentEtag(key, ifMatch);
    const description = input.description || null;
    const operation = finishedOperation(context, access, {
      kind: 'apiKeys.update',
      resource: placeOf(key, key),
      metadata: { apiKeyId: id },
      response: resultOf({ ...key, description }),
    });
    await context.db.write([
      demandDescription(orm, id, key.description),
      describeApiKey(orm, id, description),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Deletes a key: from then on it opens nothing. Throws NOT_FOUND, PERMISSION_DENIED, STALE. */
export function deleteApiKey(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [findApiKey(orm, id)]);
    if (replay !== undefined) return replay;
    const [[row]] = rows;
    const own = row?.serviceAccountId === access.callerId;
    const key = requireResource(row, access, resourceOf(id), 'iam.apiKeys.delete', own);
    await demandContentEtag(key, ifMatch);
    const operation = finishedOperation(context, access, {
      kind: 'apiKeys.delete',
      resource: placeOf(key, key),
      metadata: { apiKeyId: id },
      response: EMPTY,
    });
    await context.db.write([
      demandDescription(orm, id, key.description),
      deleteRow(orm, id),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
