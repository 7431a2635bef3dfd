import { parseMask } from '../../core/field-mask.ts';
import type { Content } from '../../db/containers.ts';
import { readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';

const UPDATABLE = ['name', 'description', 'labels'] as const;
type Field = (typeof UPDATABLE)[number];

/** What a client says of a new cloud, folder or service account. */
export interface NewContent {
  readonly name: string;
  readonly description?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
}

export interface ContentUpdate extends Omit<NewContent, 'name'> {
  readonly updateMask?: string | undefined;
  readonly name?: string | undefined;
}

/** What is stored of it; nothing is null. */
export function newContent({ name, description, labels }: NewContent): Omit<Content, 'id'> {
  return { name, description: description || null, labels: labelsOrNull(labels) };
}

/** The fields that an update writes. Throws INVALID_ARGUMENT for a mask that names another one. */
export function maskOf(context: CallerContext, update: ContentUpdate): Promise<ReadonlySet<Field>> {
  return readInput(context, () => parseMask(update.updateMask, UPDATABLE));
}

/**
 * A row with the fields of the mask as the update has them; one without a value goes back to its default. A name has
 * none: a cloud, a folder or a service account keeps the one it has.
 */
export function updatedContent<T extends Content>(
  row: T,
  update: ContentUpdate,
  mask: { has(field: Field): boolean },
): T {
  return {
    ...row,
    name: mask.has('name') ? update.name || row.name : row.name,
    description: mask.has('description') ? update.description || null : row.description,
    labels: mask.has('labels') ? labelsOrNull(update.labels) : row.labels,
  };
}

function labelsOrNull(labels: Record<string, string> | undefined): Record<string, string> | null {
  return labels !== undefined && Object.keys(labels).length > 0 ? labels : null;
}
