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
import { message, nextPageToken, pageSize, pageToken, query, requiredText, timestamp } from '../json.ts';

export const createFolderBody = message({
  cloudId: requiredText(50),
  name: containerName,
  description,
  labels: containerLabels,
}).openapi('CreateFolderRequest', {
  example: { cloudId: 'b1gd0mc3s8vq5k2n7t4x', name: 'nightly', labels: { team: 'images' } },
});

export const updateFolderBody = message({
  updateMask,
  name: nameOrEmpty,
  description,
  labels: containerLabels,
}).openapi('UpdateFolderRequest', { example: { updateMask: 'labels', labels: { team: 'images' } } });

export const folderPath = z.object({ folderId: requiredText(50) });
export const listFoldersQuery = query({
  cloudId: requiredText(50),
  pageSize,
  pageToken,
  filter: nameFilter,
});

export const folderDeletionQuery = query({
  deleteAfter: deleteAfter.openapi({
    description:
      'when it goes with all that it holds, at most a year ahead; one that has passed: at once. Without it an empty folder goes at once, another one after the time of the settings',
  }),
});

export const folder = z
  .object({
    id: z.string(),
    cloudId: z.string(),
    createdAt: timestamp,
    name: z.string(),
    description: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    status: z.enum(['ACTIVE', 'DELETING', 'PENDING_DELETION']).openapi({
      description: 'nothing new is made in one that is not ACTIVE',
    }),
  })
  .openapi('Folder', {
    description:
      'Holds images, disks, snapshots, federations and service accounts; its name is unique in its cloud',
  });

export const folderList = z
  .object({ folders: z.array(folder).optional(), nextPageToken })
  .openapi('ListFoldersResponse');
