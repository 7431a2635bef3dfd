import * as z from '../../zod.ts';
import { nextPageToken, pageSize, pageToken, query, requiredText } from '../json.ts';

export const diskTypePath = z.object({ diskTypeId: requiredText(50) });
export const listDiskTypesQuery = query({ pageSize, pageToken });

export const diskType = z
  .object({
    id: z.string().openapi({ example: 'network-ssd' }),
    description: z.string(),
    zoneIds: z.array(z.string()).optional(),
  })
  .openapi('DiskType');

export const diskTypeList = z
  .object({ diskTypes: z.array(diskType).optional(), nextPageToken })
  .openapi('ListDiskTypesResponse');
