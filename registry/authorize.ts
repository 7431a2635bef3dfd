import { type KeyScope, permissionsOf, scopeAllows } from '../core/access.ts';
import { notFound, permissionDenied, RegistryError } from '../core/errors.ts';
import type { Permission } from '../core/roles.ts';
import type { Scope } from '../db/access.ts';
import { findCallerWithRoles } from '../db/caller-roles.ts';
import type { CallerRow } from '../db/callers.ts';
import type { Answers, Statement } from '../db/client.ts';
import { findIdempotencyKey, findOperationOfKey } from '../db/idempotency.ts';
import type { OperationRow } from '../schema/tables/work.ts';
import type { CallerContext, Credential } from './context.ts';
import { expiryOf, prove } from './identity/proof.ts';

/** Who asks, and what that caller may do with the resource that the call is about. */
export interface Access {
  readonly callerId: string;
  readonly scopes: readonly KeyScope[];
  /** Roles on the resource and on everything above it. */
  readonly roles: readonly string[];
  /** When the credential expires, in epoch milliseconds; null for one that does not. */
  readonly expiresAt: number | null;
  allows(permission: Permission): boolean;
}

const UNAUTHENTICATED = new RegistryError('UNAUTHENTICATED', 'Token is invalid or has expired.');

/**
 * Authenticates, finds the caller's roles on `scope` and reads `queries`, all in one round trip. Nothing of what was
 * read may be used before the caller's permission was asked for: see `requireVisible` and `requirePermission`.
 * Throws UNAUTHENTICATED.
 */
export async function readAs<U extends Statement, T extends readonly U[]>(
  context: CallerContext,
  scope: Scope,
  queries: readonly [...T],
): Promise<{ access: Access; rows: Answers<T> }> {
  const { access, rows } = await readCaller(context, scope, queries);
  return { access, rows };
}

/**
 * As `readAs`, for calls that change something. `replay` is the operation that an earlier request with the same
 * Idempotency-Key and the same content started: the answer to this one too, once permission was asked for.
 * `source` names a second resource, wherever it stands, which the call uses: what the caller may do with that one
 * comes back as `sourceAccess`, in the same round trip, for `requireResource`; without a source it allows nothing.
 * Throws ALREADY_EXISTS when the key was used for another request.
 */
export async function readToChange<U extends Statement, T extends readonly U[]>(
  context: CallerContext,
  scope: Scope,
  queries: readonly [...T],
  source?: Scope,
): Promise<{ access: Access; sourceAccess: Access; rows: Answers<T>; replay: OperationRow | undefined }> {
  const { idempotencyKey, credential } = context;
  if (idempotencyKey === undefined || credential === undefined) {
    return { ...(await readCaller(context, scope, queries, source)), replay: undefined };
  }
  const { orm } = context.db;
  const { access, sourceAccess, rows } = await readCaller(
    context,
    scope,
    [
      findIdempotencyKey(orm, credential, idempotencyKey.key),
      findOperationOfKey(orm, credential, idempotencyKey.key),
      ...queries,
    ],
    source,
  );
  const [[used], [replay], ...rest] = rows as unknown as [
    { fingerprint: string; operationId: string }[],
    OperationRow[],
    ...unknown[],
  ];
  if (used !== undefined && used.fingerprint !== idempotencyKey.fingerprint) {
    throw new RegistryError(
      'ALREADY_EXISTS',
      `Idempotency-Key ${idempotencyKey.key} was used for another request, which started operation ${used.operationId}; use a new key for a new request`,
      [
        {
          kind: 'resource',
          resourceType: 'operation',
          resourceName: used.operationId,
          description: 'the operation of the first request with this key',
        },
      ],
    );
  }
  return { access, sourceAccess, rows: rest as unknown as Answers<T>, replay };
}

/** Whether the credential is valid, for answers that come before any verb. Throws UNAUTHENTICATED. */
export async function authenticate(context: CallerContext): Promise<void> {
  await readCaller(context, { kind: 'none', id: '' }, []);
}

/** What the caller presents, for queries that depend on it; whether it is valid is not known yet. Throws UNAUTHENTICATED. */
export function requireCredential({ credential }: CallerContext): Credential {
  if (credential === undefined) throw UNAUTHENTICATED;
  return credential;
}

/** Reads input by a rule that may refuse it; who may not ask at all is told so first. */
export async function readInput<T>(context: CallerContext, rule: () => T): Promise<T> {
  try {
    return rule();
  } catch (error) {
    await authenticate(context);
    throw error;
  }
}

/** A resource that the caller may not see looks exactly like one that does not exist. */
export function requireVisible<T>(
  row: T | undefined,
  access: Access,
  permission: Permission,
  kind: string,
  name: string,
): T {
  if (row === undefined || !access.allows(permission)) throw notFound(kind, name);
  return row;
}

/** What may be seen but not done. Folders answer so in both cases: that they exist is not told either. */
export function requirePermission(access: Access, permission: Permission, kind: string, id: string): void {
  if (!access.allows(permission)) throw permissionDenied(kind, id, permission);
}

/** A folder is denied with the same words whether it exists or not. */
export function requireFolder<T>(
  row: T | undefined,
  access: Access,
  permission: Permission,
  folderId: string,
): T {
  if (row === undefined || !access.allows(permission)) throw permissionDenied('folder', folderId);
  return row;
}

/** As `requireFolder`, where nothing of the folder is needed: nobody has a role on one that does not exist. */
export function requireInFolder(access: Access, permission: Permission, folderId: string): void {
  if (!access.allows(permission)) throw permissionDenied('folder', folderId);
}

async function readCaller<T extends readonly Statement[]>(
  context: CallerContext,
  scope: Scope,
  queries: readonly [...T],
  source?: Scope,
): Promise<{ access: Access; sourceAccess: Access; rows: Answers<T> }> {
  const credential = requireCredential(context);
  const { orm } = context.db;
  const [callers, ...rows] = (await context.db.read([
    findCallerWithRoles(orm, credential, scope, source),
    ...queries,
  ])) as unknown as [CallerRow[], ...unknown[]];
  const caller = callers[0];
  const proof = caller === undefined ? 'forged' : await prove(context, credential, caller);
  if (proof === 'look-again') return await readCaller(context, scope, queries, source);
  if (caller === undefined || proof === 'forged') throw UNAUTHENTICATED;
  context.identified(caller.serviceAccountId);
  const accessOf = (roles: readonly string[]): Access => {
    const permissions = permissionsOf(roles);
    const keyScopes = (caller.kind === 'api-key' && caller.scopes) || [];
    return {
      callerId: caller.serviceAccountId,
      scopes: keyScopes,
      roles,
      expiresAt: expiryOf(credential, caller),
      allows: (permission) => permissions.has(permission) && scopeAllows(keyScopes, permission),
    };
  };
  return {
    access: accessOf(caller.roles),
    sourceAccess: accessOf(caller.sourceRoles),
    rows: rows as unknown as Answers<T>,
  };
}
