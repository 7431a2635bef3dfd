import { z } from '@hono/zod-openapi';
import {
  containerLabels,
  containerName,
  description,
  nameFilter,
  nameOrEmpty,
  updateMask,
} from '../content.ts';
import { message, nextPageToken, pageSize, pageToken, query, requiredText, timestamp } from '../json.ts';

export const createFolderBody = message({
  cloudId: requiredText(50),
  name: containerName,
  description,
  labels: containerLabels,
}).openapi('CreateFolderRequest');

export const updateFolderBody = message({
  updateMask,
  name: nameOrEmpty,
  description,
  labels: containerLabels,
}).openapi('UpdateFolderRequest');

export const folderPath = z.object({ folderId: requiredText(50) });
export const listFoldersQuery = query({
  cloudId: requiredText(50),
  pageSize,
  pageToken,
  filter: nameFilter,
});

export const folder = z
  .object({
    id: z.string(),
    cloudId: z.string(),
    createdAt: timestamp,
    name: z.string(),
    description: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    status: z.enum(['ACTIVE', 'DELETING', 'PENDING_DELETION']),
  })
  .openapi('Folder', { description: 'Holds images and service accounts; its name is unique in its cloud' });

export const folderList = z
  .object({ folders: z.array(folder).optional(), nextPageToken })
  .openapi('ListFoldersResponse');
