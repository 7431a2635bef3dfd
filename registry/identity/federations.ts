import { invalidField } from '../../core/errors.ts';
import { parseMask } from '../../core/field-mask.ts';
import type { Orm, Statement } from '../../db/client.ts';
import {
  countCredentials,
  deleteCredentialsOf,
  demandNoCredentials,
} from '../../db/federated-credentials.ts';
import {
  deleteFederation as deleteRow,
  demandFederation,
  type Federation,
  findFederation,
  findFederationByName,
  findFederationNamesake,
  insertFederation,
  listFederations as pageOfFederations,
  writeFederation,
} from '../../db/federations.ts';
import { demandActiveFolder, findFolder } from '../../db/folders.ts';
import { clearGuards } from '../../db/guards.ts';
import { type Access, readAs, readInput, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../lists.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { demandActive } from './active.ts';
import { nameTaken } from './containers.ts';
import { type ContentUpdate, type NewContent, newContent, updatedContent } from './content.ts';
import { demandNothingInside } from './deletion.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';

export type { Federation } from '../../db/federations.ts';

const TITLE = { title: 'Federation' };
const UPDATABLE = ['name', 'description', 'enabled', 'disabled', 'audiences', 'jwksUrl', 'labels'] as const;

/** Whether its tokens are taken: said either way round, or left to be so. */
interface Enabling {
  readonly enabled?: boolean | undefined;
  readonly disabled?: boolean | undefined;
}

export interface NewFederation extends NewContent, Enabling {
  readonly folderId: string;
  readonly audiences: readonly string[];
  /** As its tokens spell it. */
  readonly issuer: string;
  readonly jwksUrl: string;
}

export interface FederationUpdate extends ContentUpdate, Enabling {
  readonly audiences?: readonly string[] | undefined;
  readonly jwksUrl?: string | undefined;
}

const resourceOf = (id: string) => ({ kind: 'federation', id }) as const;

/** Throws NOT_FOUND. */
export async function getFederation(context: CallerContext, id: string): Promise<Federation> {
  const { access, rows } = await readAs(context, resourceOf(id), [findFederation(context.db.orm, id)]);
  return requireResource(rows[0][0], access, resourceOf(id), 'iam.federations.get');
}

/** The federations of exactly this folder, sorted by id. Throws PERMISSION_DENIED for the folder. */
export async function listFederations(
  context: CallerContext,
  request: PageRequest & { readonly folderId: string },
): Promise<Page<Federation>> {
  const { folderId } = request;
  const { orm } = context.db;
  const folder = { kind: 'folder', id: folderId } as const;
  const page = await readPage(context, ['federations', folderId], request);
  const { access, rows } = await readAs(context, folder, [
    findFolder(orm, folderId),
    pageOfFederations(orm, folderId, page.limit, page.after),
  ]);
  requireResource(rows[0][0], access, folder, 'iam.federations.list');
  return page.of(rows[1]);
}

/** Trusts an issuer in a folder. Throws INVALID_ARGUMENT, PERMISSION_DENIED, ALREADY_EXISTS, FAILED_PRECONDITION. */
export async function createFederation(context: CallerContext, input: NewFederation): Promise<Operation> {
  const resource = { kind: 'folder', id: input.folderId } as const;
  const enabled = await readInput(context, () => {
    demandFetchable(context, 'issuer', input.issuer);
    demandFetchable(context, 'jwks_url', input.jwksUrl);
    return enabledOf(input);
  });
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      findFolder(orm, resource.id),
      findFederationByName(orm, resource.id, input.name),
    ]);
    const [[row], [namesake]] = rows;
    const folder = requireResource(row, access, resource, 'iam.federations.create');
    if (replay !== undefined) return replay;
    demandActive(folder);
    if (namesake !== undefined) throw nameTaken(TITLE, input.name);
    const federation: Federation = {
      id: newId(context, 'federation'),
      folderId: folder.id,
      cloudId: folder.cloudId,
      ...newContent(input),
      enabled,
      issuer: input.issuer,
      audiences: [...input.audiences],
      jwksUrl: input.jwksUrl,
      createdAt: context.now(),
    };
    const operation = operationOn(context, access, 'create', federation);
    await context.db.write([
      demandActiveFolder(orm, folder.id),
      insertFederation(orm, federation),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Changes what the mask names; audiences and the URL of the keys have no default, and stay when they are not given.
 * Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, STALE.
 */
export async function updateFederation(
  context: CallerContext,
  id: string,
  input: FederationUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  const { mask, enabled } = await readInput(context, () => {
    if (input.jwksUrl !== undefined) demandFetchable(context, 'jwks_url', input.jwksUrl);
    return { mask: parseMask(input.updateMask, UPDATABLE), enabled: enabledOf(input) };
  });
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findFederation(orm, id),
      findFederationNamesake(orm, id, input.name ?? ''),
    ]);
    const [[found], [namesake]] = rows;
    const row = requireResource(found, access, resourceOf(id), 'iam.federations.update');
    if (replay !== undefined) return replay;
    await demandContentEtag(row, ifMatch);
    const updated: Federation = {
      ...updatedContent(row, input, mask),
      enabled: mask.has('enabled') || mask.has('disabled') ? enabled : row.enabled,
      audiences: [...((mask.has('audiences') && input.audiences) || row.audiences)],
      jwksUrl: (mask.has('jwksUrl') && input.jwksUrl) || row.jwksUrl,
    };
    if (updated.name !== row.name && namesake !== undefined) throw nameTaken(TITLE, updated.name);
    const operation = operationOn(context, access, 'update', updated);
    await context.db.write([
      demandFederation(orm, row),
      writeFederation(orm, updated, row),
      ...recordOperation(context, operation, { before: row, after: updated }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Throws NOT_FOUND, PERMISSION_DENIED, STALE, and FAILED_PRECONDITION while a credential names it. */
export function deleteFederation(
  context: CallerContext,
  id: string,
  ifMatch: string | undefined,
): Promise<Operation> {
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findFederation(orm, id),
      countCredentials(orm, id),
    ]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return replay;
    const [[found], [credentials]] = rows;
    const row = requireResource(found, access, resourceOf(id), 'iam.federations.delete');
    await demandContentEtag(row, ifMatch);
    demandNothingInside(`Federation "${id}"`, id, [[credentials?.count ?? 0, 'federated credential']]);
    const operation = operationOn(context, access, 'delete', row);
    await context.db.write([
      demandFederation(orm, row),
      demandNoCredentials(orm, id),
      deleteRow(orm, id),
      ...recordOperation(context, operation, { before: row }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Takes a federation away with its credentials, for the end of its folder. */
export function removeFederation(orm: Orm, id: string): Statement[] {
  return [deleteCredentialsOf(orm, id), deleteRow(orm, id)];
}

function operationOn(
  context: CallerContext,
  access: Access,
  verb: 'create' | 'update' | 'delete',
  row: Federation,
): Operation {
  const { id, folderId, cloudId } = row;
  return finishedOperation(context, access, {
    kind: `federations.${verb}`,
    resource: { ...resourceOf(id), folderId, cloudId },
    metadata: { federationId: id },
    response: verb === 'delete' ? EMPTY : { type: 'federation', value: { ...row } },
  });
}

function demandFetchable({ outbound }: CallerContext, field: string, url: string): void {
  const { fault } = outbound.judge(url);
  if (fault === undefined) return;
  throw invalidField(
    field,
    `${fault}; http is for the origins that an operator names in BULLION_TRUSTED_ORIGINS`,
  );
}

function enabledOf({ enabled, disabled }: Enabling): boolean {
  if (enabled !== undefined && enabled === disabled)
    throw invalidField('disabled', 'is the opposite of enabled: give one of them');
  return enabled ?? !(disabled ?? false);
}
