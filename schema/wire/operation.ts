import { z } from '@hono/zod-openapi';
import { errorBody } from './error.ts';
import { any, nextPageToken, pageSize, pageToken, query, requiredText, timestamp } from './json.ts';

export const operation = z
  .object({
    id: z.string(),
    description: z.string(),
    createdAt: timestamp,
    createdBy: z.string(),
    modifiedAt: timestamp,
    done: z.boolean(),
    metadata: any,
    error: errorBody
      .omit({ details: true })
      .extend({ details: z.array(any).optional() })
      .optional(),
    response: any.optional(),
  })
  .openapi('Operation');

export const operationPath = z.object({ operationId: requiredText(50) });
export const operationList = z
  .object({ operations: z.array(operation).optional(), nextPageToken })
  .openapi('ListOperationsResponse');
export const operationsPage = query({ pageSize, pageToken });
export const operationsOfFolder = query({ folderId: requiredText(50), pageSize, pageToken });
