import { parseMask } from '../core/field-mask.ts';
import type { Orm, Statement } from '../db/client.ts';
import type { Query } from '../db/containers.ts';
import { clearGuards } from '../db/guards.ts';
import { changeResource, demandRevision, findNamesake, type NamedRow } from '../db/resources.ts';
import type { OperationResult } from '../schema/tables/work.ts';
import { readInput, readToChange } from './authorize.ts';
import { decideAgain } from './conflicts.ts';
import type { CallerContext } from './context.ts';
import { emptyAsNull } from './images/new-image.ts';
import { finishedOperation, type Operation, recordOperation } from './operations/record.ts';
import { demandReady, nameTaken, requireResource } from './resources.ts';

/** What can be changed of every image, disk and snapshot. */
export interface ContentUpdate {
  readonly updateMask?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
}

const CONTENT = ['name', 'description', 'labels'] as const;

/** In what images, disks and snapshots differ where they are changed. */
export interface Updatable<Row extends NamedRow, Input extends ContentUpdate, More> {
  readonly kind: 'image' | 'disk' | 'snapshot';
  /** What can be changed besides name, description and labels. */
  readonly fields: readonly string[];
  /** Those of them that an update without a mask leaves alone when it does not give them. */
  readonly keptUnlessGiven?: readonly (keyof Input & string)[];
  find(orm: Orm, id: string): Query<Row>;
  /** What else is read to decide on a change, if anything. */
  findMore?(orm: Orm, id: string): Query<More>;
  /** Throws STALE when `If-Match` was given and names another version. */
  demandEtag(row: Row, ifMatch: string | undefined, more: readonly More[]): void;
  /** What the own fields of the mask come to, a named one without a value included. Throws INVALID_ARGUMENT. */
  changeOf(row: Row, input: Input, mask: ReadonlySet<string>, more: readonly More[]): Partial<Row>;
  /** What belongs to the change in its batch, if anything. */
  statements?(orm: Orm, row: Row, change: Partial<Row>): Statement[];
  result(row: Row, more: readonly More[], now: number): OperationResult;
}

/**
 * Changes the fields that the mask names, or all updatable ones without a mask; a named field without a value goes
 * back to its default. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, STALE and
 * FAILED_PRECONDITION for what is not READY.
 */
export async function updateResource<Row extends NamedRow, Input extends ContentUpdate, More>(
  context: CallerContext,
  updatable: Updatable<Row, Input, More>,
  id: string,
  input: Input,
  ifMatch: string | undefined,
): Promise<Operation> {
  const { kind } = updatable;
  const resource = { kind, id };
  const kept = (updatable.keptUnlessGiven ?? []).filter((field) => input[field] === undefined);
  const mask = await readInput(context, () =>
    parseMask<string>(input.updateMask, [...CONTENT, ...updatable.fields], kept),
  );
  return await decideAgain(async () => {
    const { orm } = context.db;
    const { access, rows, replay } = await readToChange(context, resource, [
      updatable.find(orm, id),
      findNamesake(orm, kind, id, input.name ?? ''),
      ...(updatable.findMore === undefined ? [] : [updatable.findMore(orm, id)]),
    ]);
    const [[found], [namesake], more = []] = rows;
    const row = requireResource(found, access, resource, `compute.${kind}s.update`);
    if (replay !== undefined) return replay;
    updatable.demandEtag(row, ifMatch, more);
    demandReady(resource, row.status, 'updated');
    const change: Partial<Row> = { ...contentOf(input, mask), ...updatable.changeOf(row, input, mask, more) };
    if (change.name && namesake !== undefined) throw nameTaken(kind, change.name);
    const updated: Row = { ...row, ...change, revision: row.revision + 1 };
    const operation = finishedOperation(context, access, {
      kind: `${kind}s.update`,
      resource: { kind, id, folderId: row.folderId, cloudId: row.cloudId },
      metadata: { [`${kind}Id`]: id },
      response: updatable.result(updated, more, context.now()),
    });
    await context.db.write([
      demandRevision(orm, kind, id, row.revision),
      changeResource(orm, kind, id, change),
      ...(updatable.statements?.(orm, row, change) ?? []),
      ...recordOperation(context, operation, { before: row, after: updated }),
      clearGuards(orm),
    ]);
    return operation;
  });
}

function contentOf(input: ContentUpdate, mask: ReadonlySet<string>): Partial<NamedRow> {
  return {
    ...(mask.has('name') && { name: input.name ?? '' }),
    ...(mask.has('description') && { description: input.description || null }),
    ...(mask.has('labels') && { labels: emptyAsNull(input.labels) }),
  };
}
