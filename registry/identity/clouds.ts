import { permissionDenied } from '../../core/errors.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import { insertBindings } from '../../db/access-bindings.ts';
import {
  CLOUD_PLACES,
  countInCloud,
  deleteCloud as deleteRows,
  demandEmptyCloud,
  findCloud,
  insertCloud,
  listClouds as pageOfClouds,
} from '../../db/clouds.ts';
import { demandContent, writeContent } from '../../db/containers.ts';
import { clearGuards } from '../../db/guards.ts';
import { type CloudRow, clouds } from '../../schema/tables/identity.ts';
import type { OperationResult } from '../../schema/tables/work.ts';
import { readAs, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../images/list.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type ContentUpdate, maskOf, type NewContent, newContent, updatedContent } from './content.ts';
import { type Deletion, demandAtOnce, demandNothingInside } from './deletion.ts';
import { demandContentEtag } from './etag.ts';
import { type PageRequest, readPage } from './pages.ts';
import { visibleTo } from './visible.ts';

export type Cloud = CloudRow;

const resourceOf = (id: string) => ({ kind: 'cloud', id }) as const;
const placeOf = (id: string) => ({ kind: 'cloud', id, folderId: null, cloudId: id }) as const;
const resultOf = (cloud: Cloud): OperationResult => ({ type: 'cloud', value: { ...cloud } });

/** One cloud. Throws NOT_FOUND, also for one that the caller may not see. */
export async function getCloud(context: CallerContext, id: string): Promise<Cloud> {
  const { access, rows } = await readAs(context, resourceOf(id), [findCloud(context.db.orm, id)]);
  return requireResource(rows[0][0], access, resourceOf(id), 'resource-manager.clouds.get');
}

/** The clouds that the caller may see, sorted by id. */
export async function listClouds(
  context: CallerContext,
  request: PageRequest & { readonly organizationId?: string | undefined },
): Promise<Page<Cloud>> {
  const { organizationId } = request;
  const page = await readPage(context, ['clouds', organizationId ?? ''], request);
  const visible = visibleTo(context, 'resource-manager.clouds.list', CLOUD_PLACES);
  const { rows } = await readAs(context, { kind: 'none', id: '' }, [
    pageOfClouds(context.db.orm, organizationId, { ...page, visible }),
  ]);
  return page.of(rows[0]);
}

/**
 * Makes a cloud in an organization; who makes it becomes its owner.
 * Throws PERMISSION_DENIED, with the same words for an organization that nobody knows.
 */
export function createCloud(
  context: CallerContext,
  input: NewContent & { readonly organizationId: string },
): Promise<Operation> {
  const { organizationId } = input;
  return decideAgain(async () => {
    const { orm } = context.db;
    const { access, replay } = await readToChange(context, { kind: 'organization', id: organizationId }, []);
    if (!access.allows('resource-manager.clouds.create')) {
      throw permissionDenied('organization', organizationId, 'resource-manager.clouds.create');
    }
    if (replay !== undefined) return replay;
    const cloud: CloudRow = {
      id: newId(context, 'cloud'),
      organizationId,
      ...newContent(input),
      createdAt: context.now(),
    };
    const owner = {
      roleId: 'resource-manager.clouds.owner',
      subject: { type: 'serviceAccount', id: access.callerId },
    };
    const operation = finishedOperation(context, access, {
      kind: 'clouds.create',
      resource: placeOf(cloud.id),
      metadata: { cloudId: cloud.id },
      response: resultOf(cloud),
    });
    await context.db.write([
      insertCloud(orm, cloud),
      insertBindings(orm, resourceOf(cloud.id), [owner]),
      ...recordOperation(context, operation),
    ]);
    return operation;
  });
}

/** Changes name, description and labels. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE. */
export async function updateCloud(
  context: CallerContext,
  id: string,
  input: ContentUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  const mask = await maskOf(context, input);
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [findCloud(orm, id)]);
    const cloud = requireResource(rows[0][0], access, resourceOf(id), 'resource-manager.clouds.update');
    if (replay !== undefined) return replay;
    await demandContentEtag(cloud, ifMatch);
    const updated = updatedContent(cloud, input, mask);
    const operation = finishedOperation(context, access, {
      kind: 'clouds.update',
      resource: placeOf(id),
      metadata: { cloudId: id },
      response: resultOf(updated),
    });
    await context.db.write([
      demandContent(orm, clouds, cloud),
      writeContent(orm, clouds, updated),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Deletes a cloud that holds no folder, with its quotas and bindings.
 * Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteCloud(
  context: CallerContext,
  id: string,
  deletion: Deletion,
): Promise<Operation> {
  await demandAtOnce(context, deletion);
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resourceOf(id), [
      findCloud(orm, id),
      countInCloud(orm, id),
    ]);
    if (replay !== undefined) return replay;
    const [[row], [inside]] = rows;
    const cloud = requireResource(row, access, resourceOf(id), 'resource-manager.clouds.delete');
    await demandContentEtag(cloud, deletion.ifMatch);
    demandNothingInside(`Cloud "${id}"`, id, [[inside?.folders ?? 0, 'folder']]);
    const operation = finishedOperation(context, access, {
      kind: 'clouds.delete',
      resource: placeOf(id),
      metadata: { cloudId: id },
      response: EMPTY,
    });
    await context.db.write([
      demandContent(orm, clouds, cloud),
      demandEmptyCloud(orm, id),
      deleteBindingsOf(orm, 'cloud', id),
      ...deleteRows(orm, id),
      ...recordOperation(context, operation),
      clearGuards(orm),
    ]);
    return operation;
  });
}
