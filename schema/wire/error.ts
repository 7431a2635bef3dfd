import { z } from '@hono/zod-openapi';
import { any } from './json.ts';

/** Every refusal has this body (google.rpc.Status). */
export const errorBody = z
  .object({
    code: z.number().int().openapi({ description: 'number of the canonical code', example: 5 }),
    message: z.string().openapi({ example: 'Image "fd8example" not found' }),
    details: z.array(any),
  })
  .openapi('Status');
