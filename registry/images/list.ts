import { invalidField } from '../../core/errors.ts';
import { FILTER_FIELDS, ORDER_FIELDS, parseFilter, parseOrderBy } from '../../core/list-query.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import { findFolder } from '../../db/folders.ts';
import { type OrderField, listImages as pageOfImages } from '../../db/image-list.ts';
import { layersOfImages } from '../../db/layers.ts';
import { readAs, readInput, requireFolder } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { type Image, viewOf } from './view.ts';

const MAX_CONDITIONS = 30;

export interface ListImages {
  readonly folderId: string;
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
  readonly filter?: string | undefined;
  readonly orderBy?: string | undefined;
  /** Whether the inspections are wanted as well. */
  readonly full: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken?: string;
}

/**
 * The images of exactly this folder, a page at a time. Throws INVALID_ARGUMENT for a filter, an order or a page
 * token that cannot be read, PERMISSION_DENIED for the folder.
 */
export async function listImages(context: CallerContext, input: ListImages): Promise<Page<Image>> {
  const { conditions, order, query, after } = await readInput(context, () => queryOf(input));
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'folder', id: input.folderId }, [
    findFolder(orm, input.folderId),
    // One more than asked for tells whether there is a next page.
    pageOfImages(orm, input.folderId, conditions, order, input.pageSize + 1, after),
  ]);
  const [[folder], found] = rows;
  requireFolder(folder, access, 'compute.images.list', input.folderId);
  const page = found.slice(0, input.pageSize);
  const last = page.at(-1);
  const layers = input.full
    ? (
        await context.db.read([
          layersOfImages(
            orm,
            page.map(({ id }) => id),
          ),
        ])
      )[0]
    : [];
  const inspections = new Map(layers.map(({ id, inspection }) => [id, inspection]));
  const items = page.map((row) =>
    viewOf(row, { digest: row.digest, inspection: inspections.get(row.layerId) ?? null }),
  );
  if (found.length <= page.length || last === undefined) return { items };
  const position = { value: last[order.field as OrderField], id: last.id };
  return { items, nextPageToken: encodePageToken(query, position) };
}

function queryOf(input: ListImages) {
  const conditions = parseFilter(input.filter, FILTER_FIELDS);
  if (conditions.length > MAX_CONDITIONS) {
    throw invalidField(
      'filter',
      `at most ${MAX_CONDITIONS} conditions are allowed, not ${conditions.length}`,
    );
  }
  const order = parseOrderBy(input.orderBy, ORDER_FIELDS);
  const query = ['images', input.folderId, input.filter ?? '', order.field, order.direction];
  const after = input.pageToken ? decodePageToken(query, input.pageToken) : undefined;
  return { conditions, order, query, after };
}
