import { invalidField, RegistryError } from '../../core/errors.ts';
import {
  type CredentialsOf,
  deleteFederatedCredential as deleteRow,
  demandFederatedCredential,
  demandParties,
  findCredentialOfSubject,
  findFederatedCredential,
  insertFederatedCredential,
  listFederatedCredentials as pageOfCredentials,
} from '../../db/federated-credentials.ts';
import { findFederation } from '../../db/federations.ts';
import { clearGuards } from '../../db/guards.ts';
import { findServiceAccount } from '../../db/service-accounts.ts';
import type { FederatedCredentialRow } from '../../schema/tables/identity.ts';
import { readAs, readInput, readToChange, requireCredential } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import { demandCurrent } from '../etag.ts';
import type { Page } from '../lists.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type PageRequest, readPage } from './pages.ts';

export type FederatedCredential = FederatedCredentialRow;

const resourceOf = (id: string) => ({ kind: 'federatedCredential', id }) as const;
const accountOf = (id: string) => ({ kind: 'serviceAccount', id }) as const;
const federationOf = (id: string) => ({ kind: 'federation', id }) as const;

/** Nothing of a credential ever changes. */
export function credentialEtag({ id }: FederatedCredential): string {
  return `${id}-0`;
}

/** A credential, also one of the caller's own service account. Throws NOT_FOUND. */
export async function getFederatedCredential(
  context: CallerContext,
  id: string,
): Promise<FederatedCredential> {
  const resource = resourceOf(id);
  const { access, rows } = await readAs(context, resource, [findFederatedCredential(context.db.orm, id)]);
  const [[row]] = rows;
  const own = row?.serviceAccountId === access.callerId;
  return requireResource(row, access, resource, 'iam.federatedCredentials.get', own);
}

/** The credentials of a service account or of a federation, sorted by id. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED. */
export async function listFederatedCredentials(
  context: CallerContext,
  request: PageRequest & {
    readonly serviceAccountId?: string | undefined;
    readonly federationId?: string | undefined;
  },
): Promise<Page<FederatedCredential>> {
  const { orm } = context.db;
  const of = await readInput(context, () => exactlyOne(request));
  const page = await readPage(context, ['federated credentials', ...Object.entries(of).flat()], request);
  if ('federationId' in of) {
    const federation = federationOf(of.federationId);
    const { access, rows } = await readAs(context, federation, [
      findFederation(orm, federation.id),
      pageOfCredentials(orm, of, page.limit, page.after),
    ]);
    requireResource(rows[0][0], access, federation, 'iam.federatedCredentials.list');
    return page.of(rows[1]);
  }
  const account = accountOf(of.serviceAccountId);
  const { access, rows } = await readAs(context, account, [
    findServiceAccount(orm, requireCredential(context), account.id),
    pageOfCredentials(orm, of, page.limit, page.after),
  ]);
  if (account.id !== access.callerId) {
    requireResource(rows[0][0], access, account, 'iam.federatedCredentials.list');
  }
  return page.of(rows[1]);
}

function exactlyOne({
  serviceAccountId,
  federationId,
}: {
  readonly serviceAccountId?: string | undefined;
  readonly federationId?: string | undefined;
}): CredentialsOf {
  if (serviceAccountId && !federationId) return { serviceAccountId };
  if (federationId && !serviceAccountId) return { federationId };
  throw invalidField('service_account_id', 'give either this or federation_id');
}

/**
 * Lets a subject of a federation act as a service account of the same cloud. The caller must be allowed to make
 * credentials of the service account, and to see the federation.
 * Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT, ALREADY_EXISTS.
 */
export function createFederatedCredential(
  context: CallerContext,
  input: Omit<FederatedCredential, 'id' | 'createdAt'>,
): Promise<Operation> {
  const { serviceAccountId, federationId, externalSubjectId } = input;
  const resource = accountOf(serviceAccountId);
  const source = federationOf(federationId);
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, sourceAccess, rows, replay } = await readToChange(
      context,
      resource,
      [
        findServiceAccount(orm, requireCredential(context), resource.id),
        findFederation(orm, source.id),
        findCredentialOfSubject(orm, source.id, externalSubjectId),
      ],
      source,
    );
    const own = resource.id === access.callerId;
    const account = requireResource(rows[0][0], access, resource, 'iam.federatedCredentials.create', own);
    const federation = requireResource(rows[1][0], sourceAccess, source, 'iam.federations.get');
    if (replay !== undefined) return replay;
    if (federation.cloudId !== account.cloudId)
      throw invalidField('federation_id', 'must be a federation of the cloud that the service account is in');
    const [taken] = rows[2];
    if (taken !== undefined) throw subjectTaken(externalSubjectId, taken);
    const credential: FederatedCredential = {
      id: newId(context, 'federatedCredential'),
      serviceAccountId: account.id,
      federationId: federation.id,
      externalSubjectId,
      createdAt: context.now(),
    };
    const { folderId, cloudId } = account;
    const operation = finishedOperation(context, access, {
      kind: 'federatedCredentials.create',
      resource: { ...resourceOf(credential.id), folderId, cloudId },
      metadata: { federatedCredentialId: credential.id },
      response: { type: 'federatedCredential', value: { ...credential } },
    });
    await context.db.write([
      demandParties(orm, credential),
      insertFederatedCredential(orm, credential),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function subjectTaken(subject: string, { id }: Pick<FederatedCredential, 'id'>): RegistryError {
  const description = `Subject "${subject}" acts by federated credential ${id} already; delete that one first`;
  return new RegistryError('ALREADY_EXISTS', description, [
    { kind: 'resource', resourceType: 'iam.federatedCredential', resourceName: id, description },
  ]);
}

/** From then on its subject is nobody. Throws NOT_FOUND, PERMISSION_DENIED, STALE. */
export function deleteFederatedCredential(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  const resource = resourceOf(id);
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findFederatedCredential(orm, id),
    ]);
    if (replay !== undefined) return replay;
    const [[row]] = rows;
    const own = row?.serviceAccountId === access.callerId;
    const { folderId, cloudId, ...credential } = requireResource(
      row,
      access,
      resource,
      'iam.federatedCredentials.delete',
      own,
    );
    demandCurrent(id, credentialEtag(credential), ifMatch);
    const operation = finishedOperation(context, access, {
      kind: 'federatedCredentials.delete',
      resource: { ...resource, folderId, cloudId },
      metadata: { federatedCredentialId: id },
      response: EMPTY,
    });
    await context.db.write([
      demandFederatedCredential(orm, id),
      deleteRow(orm, id),
      ...recordOperation(context, operation, { before: credential }),
      clearGuards(orm),
    ]);
    return operation;
  });
}
