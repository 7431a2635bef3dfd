import * as z from '../../zod.ts';
import { nextPageToken, pageSize, pageToken, query, requiredText } from '../json.ts';

export const zonePath = z.object({ zoneId: requiredText(50) });
export const listZonesQuery = query({ pageSize, pageToken });

export const zone = z
  .object({
    id: z.string().openapi({ example: 'ru-central1-a' }),
    regionId: z.string().openapi({ example: 'ru-central1' }),
    status: z.enum(['UP', 'DOWN']),
  })
  .openapi('Zone');

export const zoneList = z
  .object({ zones: z.array(zone).optional(), nextPageToken })
  .openapi('ListZonesResponse');
