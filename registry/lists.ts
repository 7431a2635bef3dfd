import { invalidField } from '../core/errors.ts';
import {
  compareIn,
  FILTER_FIELDS,
  ORDER_FIELDS,
  type Order,
  parseFilter,
  parseOrderBy,
} from '../core/list-query.ts';
import { decodePageToken, encodePageToken, type PagePosition } from '../core/page-token.ts';
import type { Permission } from '../core/roles.ts';
import type { Query } from '../db/containers.ts';
import { type ListPage, listDisks, listImages, listSnapshots, listTrash } from '../db/resource-list.ts';
import { readAs, readInput, requireInFolder } from './authorize.ts';
import type { CallerContext } from './context.ts';

const MAX_CONDITIONS = 30;

/** What the lists of a folder differ in. */
const LISTS = {
  image: { collection: 'images', permission: 'compute.images.list', page: listImages },
  disk: { collection: 'disks', permission: 'compute.disks.list', page: listDisks },
  snapshot: { collection: 'snapshots', permission: 'compute.snapshots.list', page: listSnapshots },
} as const satisfies Record<string, { collection: string; permission: Permission; page: unknown }>;

export type ListedKind = keyof typeof LISTS;
type Row<K extends ListedKind> = Awaited<ReturnType<(typeof LISTS)[K]['page']>>[number];

export interface ListRequest {
  readonly folderId: string;
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
  readonly filter?: string | undefined;
  readonly orderBy?: string | undefined;
  /** Whether the inspections of images are wanted as well. */
  readonly full?: boolean | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken?: string;
}

/**
 * What exactly this folder has of a kind, a page at a time. Throws INVALID_ARGUMENT for a filter, an order or a page
 * token that cannot be read, PERMISSION_DENIED for the folder.
 */
export async function listFolder<K extends ListedKind>(
  context: CallerContext,
  kind: K,
  request: ListRequest,
): Promise<Page<Row<K>>> {
  const { folderId } = request;
  const { query, ...wanted } = await readInput(context, () => pageOf(context, kind, request));
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    LISTS[kind].page(orm, wanted) as unknown as Query<Row<K>>,
  ]);
  const [found] = rows;
  requireInFolder(access, LISTS[kind].permission, folderId);
  return firstOf(found, request, wanted.order, query);
}

/** As `listFolder` with the images of a folder, together with those in its trash. */
export async function listImagesAndTrash(context: CallerContext, request: ListRequest) {
  const { folderId } = request;
  const { query, ...wanted } = await readInput(context, () =>
    pageOf(context, 'image', request, ['showDeleted']),
  );
  const { orm } = context.db;
  const { access, rows } = await readAs(context, { kind: 'folder', id: folderId }, [
    listImages(orm, wanted),
    listTrash(orm, wanted),
  ]);
  const [standing, trashed] = rows;
  requireInFolder(access, LISTS.image.permission, folderId);
  const found = [...standing, ...trashed].sort(compareIn(wanted.order));
  return firstOf(found, request, wanted.order, query);
}

/** The page out of the rows that were read for it, which are more when there is a next one. */
function firstOf<T extends { readonly id: string }>(
  found: readonly T[],
  { pageSize }: ListRequest,
  order: Order,
  query: readonly string[],
): Page<T> {
  const items = found.slice(0, pageSize);
  const last = items.at(-1);
  if (found.length <= items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, positionOf(last, order)) };
}

/** Reads what a client asks of a list; `query` is everything that makes it this list and no other. */
function pageOf(
  context: CallerContext,
  kind: ListedKind,
  { folderId, pageSize, pageToken, filter, orderBy, full }: ListRequest,
  more: readonly string[] = [],
): ListPage & { readonly query: readonly string[] } {
  const conditions = parseFilter(filter, FILTER_FIELDS[kind]);
  if (conditions.length > MAX_CONDITIONS) {
    throw invalidField(
      'filter',
      `at most ${MAX_CONDITIONS} conditions are allowed, not ${conditions.length}`,
    );
  }
  const order = parseOrderBy(orderBy, ORDER_FIELDS[kind]);
  const query = [LISTS[kind].collection, folderId, filter ?? '', order.field, order.direction, ...more];
  const after = pageToken ? decodePageToken(query, pageToken) : undefined;
  // One more than asked for tells whether there is a next page.
  return { folderId, conditions, order, limit: pageSize + 1, after, now: context.now(), full, query };
}

function positionOf(row: { readonly id: string }, { field }: Order): PagePosition {
  return { value: (row as unknown as Record<string, string | number>)[field]!, id: row.id };
}
