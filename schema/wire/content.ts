import { CONTAINER_LABELS, checkContainerName, checkDescription } from '../../core/names.ts';
import * as z from '../zod.ts';
import { optionalText, ruled } from './json.ts';
import { labels } from './labels.ts';
import { timeBetween } from './time.ts';

/** The fields that clouds, folders and service accounts have in common, in requests. */

export const containerName = ruled(checkContainerName).openapi({
  description:
    '1 to 63 lower-case letters, digits and hyphens; the first a letter, the last a letter or digit',
  example: 'images',
});

/** In an update of a cloud or a folder the empty name stands for none given. */
export const nameOrEmpty = ruled((name) => (name === '' ? undefined : checkContainerName(name))).optional();

export const description = ruled(checkDescription).optional();

export const containerLabels = labels(CONTAINER_LABELS).optional();

export const updateMask = z
  .string({ error: 'expected a comma-separated string' })
  .max(1000, 'must be at most 1000 characters long')
  .optional()
  .openapi({
    description: 'names of the fields to change; all that can be changed without one',
    example: 'description,labels',
  });

export const nameFilter = optionalText(1000).openapi({ description: 'for example name="images"' });

/** When a cloud or a folder is to be deleted. */
export const deleteAfter = timeBetween('1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z').optional();
