import { permissionDenied } from '../../core/errors.ts';
import { deleteBindingsOf } from '../../db/access.ts';
import { insertBindings } from '../../db/access-bindings.ts';
import {
  CLOUD_PLACES,
  countInCloud,
  deleteCloud,
  demandEmptyCloud,
  findCloud,
  insertCloud,
  listClouds as pageOfClouds,
} from '../../db/clouds.ts';
import { type CloudRow, clouds } from '../../schema/tables/identity.ts';
import { readAs, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import { type CallerContext, newId } from '../context.ts';
import type { Page } from '../lists.ts';
import { type Operation, recordOperation } from '../operations/record.ts';
import { endRequestsOfCloud } from '../quotas/requests.ts';
import { operationOn, type Removable } from './containers.ts';
import { type NewContent, newContent } from './content.ts';
import { demandNothingInside } from './deletion.ts';
import { type PageRequest, readPage } from './pages.ts';
import { visibleTo } from './visible.ts';

export type Cloud = CloudRow;

export const CLOUD: Removable<Cloud, { folders: number }> = {
  kind: 'cloud',
  title: 'Cloud',
  noun: 'resource-manager.clouds',
  table: clouds,
  placeOf: ({ id }) => ({ folderId: null, cloudId: id }),
  find: ({ db }, id) => findCloud(db.orm, id),
  findObstacle: countInCloud,
  demandNone: (id, inside) => demandNothingInside(`Cloud "${id}"`, id, [[inside?.folders ?? 0, 'folder']]),
  remove: (orm, id, now) => [
    demandEmptyCloud(orm, id),
    ...endRequestsOfCloud(orm, id, now),
    ...deleteCloud(orm, id),
    deleteBindingsOf(orm, 'cloud', id),
  ],
};

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
    const operation = operationOn(context, access, CLOUD, 'create', cloud);
    await context.db.write([
      insertCloud(orm, cloud),
      insertBindings(orm, { kind: 'cloud', id: cloud.id }, [owner]),
      ...recordOperation(context, operation, { after: { ...cloud, accessBindings: [owner] } }),
    ]);
    return operation;
  });
}
