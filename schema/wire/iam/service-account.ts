import * as z from '../../zod.ts';
import { containerLabels, containerName, description, nameFilter, updateMask } from '../content.ts';
import { message, nextPageToken, pageSize, pageToken, query, requiredText, timestamp } from '../json.ts';

export const createServiceAccountBody = message({
  folderId: requiredText(50),
  name: containerName,
  description,
  labels: containerLabels,
}).openapi('CreateServiceAccountRequest', {
  example: { folderId: 'default', name: 'builder', description: 'Pushes the nightly images' },
});

export const updateServiceAccountBody = message({
  updateMask,
  name: containerName.optional(),
  description,
  labels: containerLabels,
}).openapi('UpdateServiceAccountRequest', {
  example: { updateMask: 'description', description: 'Pushes the nightly images' },
});

export const serviceAccountPath = z.object({ serviceAccountId: requiredText(50) });
export const listServiceAccountsQuery = query({
  folderId: requiredText(50),
  pageSize,
  pageToken,
  filter: nameFilter,
});

export const serviceAccount = z
  .object({
    id: z.string(),
    folderId: z.string(),
    createdAt: timestamp,
    name: z.string(),
    description: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    lastAuthenticatedAt: timestamp
      .optional()
      .openapi({ description: 'when one of its credentials was last used, recorded at most once an hour' }),
    status: z
      .enum(['CREATING', 'ACTIVE', 'SUSPENDED', 'DELETING'])
      .openapi({ description: 'no credential of a SUSPENDED one is taken' }),
  })
  .openapi('ServiceAccount', { description: 'Who calls; its name is unique in the cloud' });

export const serviceAccountList = z
  .object({ serviceAccounts: z.array(serviceAccount).optional(), nextPageToken })
  .openapi('ListServiceAccountsResponse');
