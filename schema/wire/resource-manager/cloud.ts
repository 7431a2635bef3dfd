import * as z from '../../zod.ts';
import {
  containerLabels,
  containerName,
  deleteAfter,
  description,
  nameFilter,
  nameOrEmpty,
  updateMask,
} from '../content.ts';
import {
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredText,
  timestamp,
} from '../json.ts';

export const createCloudBody = message({
  organizationId: requiredText(50).openapi({ description: 'where the caller may make clouds' }),
  name: containerName,
  description,
  labels: containerLabels,
}).openapi('CreateCloudRequest', {
  example: { organizationId: 'local', name: 'images', description: 'Images of all teams' },
});

export const updateCloudBody = message({
  updateMask,
  name: nameOrEmpty,
  description,
  labels: containerLabels,
}).openapi('UpdateCloudRequest', {
  example: { updateMask: 'description', description: 'Images of all teams' },
});

export const cloudPath = z.object({ cloudId: requiredText(50) });
export const listCloudsQuery = query({
  organizationId: optionalText(50),
  pageSize,
  pageToken,
  filter: nameFilter,
});

export const cloudDeletionQuery = query({
  deleteAfter: deleteAfter.openapi({ description: 'only a time that has passed: deletion is at once' }),
});

export const cloud = z
  .object({
    id: z.string(),
    createdAt: timestamp,
    name: z.string(),
    description: z.string().optional(),
    organizationId: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
  })
  .openapi('Cloud', { description: 'A tenant: quotas are counted per cloud' });

export const cloudList = z
  .object({ clouds: z.array(cloud).optional(), nextPageToken })
  .openapi('ListCloudsResponse');
