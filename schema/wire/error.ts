import * as z from '../zod.ts';
import { any } from './json.ts';

/** Every refusal has this body (google.rpc.Status). */
export const errorBody = z
  .object({
    code: z.number().int().openapi({ description: 'number of the canonical code', example: 5 }),
    message: z.string().openapi({ example: 'Image "fd8example" not found' }),
    details: z.array(any),
  })
  .openapi('Status', {
    example: {
      code: 5,
      message: 'Image "fd8q3k0v5m2r7t9w1x4z" not found',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.RequestInfo',
          requestId: 'e38e71c3-adc6-4584-98a4-b0f103d55f61',
        },
      ],
    },
  });
