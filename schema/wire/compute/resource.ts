import { COMPUTE_LABELS, checkDescription, checkName } from '../../../core/names.ts';
import * as z from '../../zod.ts';
import { optionalText, pageSize, pageToken, query, requiredText, ruled, timestamp } from '../json.ts';
import { labels } from '../labels.ts';

/** The fields that images, disks and snapshots have in common. */

/** In requests. */
export const resourceContent = {
  name: ruled(checkName).optional(),
  description: ruled(checkDescription).optional(),
  labels: labels(COMPUTE_LABELS).optional(),
};

/** In answers. */
export const resourceFields = {
  id: z.string(),
  folderId: z.string(),
  createdAt: timestamp,
  name: z.string().optional(),
  description: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  status: z.enum(['CREATING', 'READY', 'ERROR', 'DELETING']),
};

/** What a list is asked for by. */
export const listParameters = {
  folderId: requiredText(50),
  pageSize,
  pageToken,
  filter: optionalText(1000),
  orderBy: optionalText(100),
};

export const listQuery = query(listParameters);
