import * as z from '../zod.ts';
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
  .openapi('Operation', {
    example: {
      id: 'fd8m7c2n4b6v8x0z1l3k',
      description: 'Update image',
      createdAt: '2026-04-01T07:13:41.123Z',
      createdBy: 'ajek4h1v9r6w3b8n0q5m',
      modifiedAt: '2026-04-01T07:13:41.123Z',
      done: true,
      metadata: {
        '@type': 'type.googleapis.com/yandex.cloud.compute.v1.UpdateImageMetadata',
        imageId: 'fd8q3k0v5m2r7t9w1x4z',
      },
      response: {
        '@type': 'type.googleapis.com/yandex.cloud.compute.v1.Image',
        id: 'fd8q3k0v5m2r7t9w1x4z',
        name: 'base-1',
        status: 'READY',
      },
    },
  });

const MAX_WAIT_SECONDS = 60;

/** `wait=30s`: answer when the operation is done, or when the time is over. Comes out in milliseconds. */
export const operationQuery = query({
  wait: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,3})?s$/, 'must be seconds with the suffix s, such as 30s')
    .transform((text) => Math.round(Number.parseFloat(text) * 1000))
    .refine((ms) => ms <= MAX_WAIT_SECONDS * 1000, `must be at most ${MAX_WAIT_SECONDS}s`)
    .optional()
    .openapi({ type: 'string', example: '30s' }),
});

export const operationPath = z.object({ operationId: requiredText(50) });
export const operationList = z
  .object({ operations: z.array(operation).optional(), nextPageToken })
  .openapi('ListOperationsResponse');
/** What has the operations; any resource, whose ids are of one length. */
export const operationsOfPath = z.object({ resourceId: requiredText(50) });
export const operationsPage = query({ pageSize, pageToken });
export const operationsOfFolder = query({ folderId: requiredText(50), pageSize, pageToken });
