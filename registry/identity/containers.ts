import { RegistryError } from '../../core/errors.ts';
import type { Noun } from '../../core/roles.ts';
import type { Orm, Statement } from '../../db/client.ts';
import {
  type Content,
  type ContentTable,
  demandContent,
  type Query,
  writeContent,
} from '../../db/containers.ts';
import { clearGuards } from '../../db/guards.ts';
import { type Access, readAs, readToChange } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { EMPTY, finishedOperation, type Operation, recordOperation } from '../operations/record.ts';
import { requireResource } from '../resources.ts';
import { type ContentUpdate, maskOf, updatedContent } from './content.ts';
import { type Deletion, demandAtOnce } from './deletion.ts';
import { demandContentEtag } from './etag.ts';

/** In what clouds, folders and service accounts differ where they are read and changed. */
export interface Container<Row extends Content> {
  readonly kind: 'cloud' | 'folder' | 'serviceAccount';
  /** How messages name one. */
  readonly title: string;
  /** What its permissions are about. */
  readonly noun: Extract<
    Noun,
    'resource-manager.clouds' | 'resource-manager.folders' | 'iam.serviceAccounts'
  >;
  readonly table: ContentTable;
  /** The folder and the cloud that a row counts to, its own if it is one. */
  placeOf(row: Row): { readonly folderId: string | null; readonly cloudId: string };
  find(context: CallerContext, id: string): Query<Row>;
  /** Another one that stands in the way of a name; without it names need not be unique. */
  findNamesake?(orm: Orm, id: string, name: string): Query<{ id: string }>;
}

/** And where those are deleted that go at once or not at all. */
export interface Removable<Row extends Content, Obstacle> extends Container<Row> {
  /** What may stand in the way of a deletion. */
  findObstacle(orm: Orm, id: string): Query<Obstacle>;
  /** Throws FAILED_PRECONDITION when what was found does. */
  demandNone(id: string, obstacle: Obstacle | undefined): void;
  /** Demands inside the batch that nothing stands in the way, and deletes the row with what goes with it. */
  remove(orm: Orm, id: string, now: number): Statement[];
}

/** One row, as `requireResource` lets the caller at it. Throws NOT_FOUND, PERMISSION_DENIED. */
export async function getContainer<Row extends Content>(
  context: CallerContext,
  container: Container<Row>,
  id: string,
): Promise<Row> {
  const resource = { kind: container.kind, id };
  const { access, rows } = await readAs(context, resource, [container.find(context, id)]);
  return requireResource(rows[0][0], access, resource, `${container.noun}.get`, isOwn(access, id));
}

/** Changes name, description and labels. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, STALE. */
export async function updateContainer<Row extends Content>(
  context: CallerContext,
  container: Container<Row>,
  id: string,
  input: ContentUpdate,
  ifMatch: string | undefined,
): Promise<Operation> {
  const { orm } = context.db;
  const { table } = container;
  const resource = { kind: container.kind, id };
  const mask = await maskOf(context, input);
  return await decideAgain(async () => {
    const namesakes = container.findNamesake?.(orm, id, input.name ?? '');
    const { access, rows, replay } = await readToChange(context, resource, [
      container.find(context, id),
      ...(namesakes === undefined ? [] : [namesakes]),
    ]);
    const [[found], [namesake] = []] = rows;
    const row = requireResource(found, access, resource, `${container.noun}.update`, isOwn(access, id));
    if (replay !== undefined) return replay;
    await demandContentEtag(row, ifMatch);
    const updated = updatedContent(row, input, mask);
    if (updated.name !== row.name && namesake !== undefined) throw nameTaken(container, updated.name);
    const operation = operationOn(context, access, container, 'update', updated);
    await context.db.write([
      demandContent(orm, table, row),
      writeContent(orm, table, updated),
      ...recordOperation(context, operation, { before: row, after: updated }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/**
 * Deletes a row with the bindings on it, at once.
 * Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, STALE, FAILED_PRECONDITION.
 */
export async function deleteContainer<Row extends Content, Obstacle>(
  context: CallerContext,
  container: Removable<Row, Obstacle>,
  id: string,
  deletion: Deletion,
): Promise<Operation> {
  const { orm } = context.db;
  const { kind, table } = container;
  const resource = { kind, id };
  await demandAtOnce(context, deletion);
  return await decideAgain(async () => {
    const { access, rows, replay } = await readToChange(context, resource, [
      container.find(context, id),
      container.findObstacle(orm, id),
    ]);
    // Before the row is demanded, because a repetition finds it gone.
    if (replay !== undefined) return replay;
    const [[found], [obstacle]] = rows;
    const row = requireResource(found, access, resource, `${container.noun}.delete`, isOwn(access, id));
    await demandContentEtag(row, deletion.ifMatch);
    container.demandNone(id, obstacle);
    const operation = operationOn(context, access, container, 'delete', row);
    await context.db.write([
      demandContent(orm, table, row),
      ...container.remove(orm, id, context.now()),
      ...recordOperation(context, operation, { before: row }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

/** Whether it is the service account that asks; ids of other kinds are never a caller's. */
function isOwn(access: Access, id: string): boolean {
  return id === access.callerId;
}

/** The operation of a verb that is done at once; it answers with the row, or with nothing when that is deleted. */
export function operationOn<Row extends Content>(
  context: CallerContext,
  access: Access,
  container: Container<Row>,
  verb: 'create' | 'update' | 'delete',
  row: Row,
): Operation {
  const { kind } = container;
  return finishedOperation(context, access, {
    kind: `${kind}s.${verb}`,
    resource: { kind, id: row.id, ...container.placeOf(row) },
    metadata: { [`${kind}Id`]: row.id },
    response: verb === 'delete' ? EMPTY : { type: kind, value: { ...(row as Content) } },
  });
}

export function nameTaken({ title }: Pick<Container<Content>, 'title'>, name: string): RegistryError {
  return new RegistryError('ALREADY_EXISTS', `${title} with name "${name}" already exists`);
}
