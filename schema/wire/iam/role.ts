import * as z from '../../zod.ts';
import { nextPageToken, pageSize, pageToken, query, requiredText } from '../json.ts';

export const rolePath = z.object({ roleId: requiredText(64) });
export const listRolesQuery = query({ pageSize, pageToken });

export const role = z
  .object({ id: z.string().openapi({ example: 'compute.images.user' }), description: z.string() })
  .openapi('Role');

export const roleList = z
  .object({ roles: z.array(role).optional(), nextPageToken })
  .openapi('ListRolesResponse');
