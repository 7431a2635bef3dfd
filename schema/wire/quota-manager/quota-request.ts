import { MAX_REQUESTED } from '../../../core/quota-requests.ts';
import { QUOTA_RESOURCE_TYPE } from '../../../core/quotas.ts';
import * as z from '../../zod.ts';
import {
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredOr,
  requiredText,
  timestamp,
} from '../json.ts';
import { limitNumber, quotaId, resource, resourceMessage, resourceQuery } from './quota-limit.ts';

/** A list of 1..1000 entries. */
const entries = <T extends z.ZodType>(entry: T) =>
  z
    .array(entry, { error: requiredOr('a list') })
    .min(1, 'at least one is required')
    .max(MAX_REQUESTED, `at most ${MAX_REQUESTED} are allowed`);

const reviewMessage = optionalText(256).openapi({ description: 'why, for who asked' });

export const createQuotaRequestBody = message({
  resource: resourceMessage,
  desiredQuotaLimits: entries(
    message({ quotaId, desiredLimit: limitNumber.openapi({ description: 'the limit that is wanted' }) }),
  ).openapi({ description: 'what is wanted, each quota once' }),
}).openapi('CreateQuotaRequestRequest', {
  example: {
    resource: { id: 'b1g00000000000000000', type: QUOTA_RESOURCE_TYPE },
    desiredQuotaLimits: [{ quotaId: 'compute.diskPools.count', desiredLimit: 5 }],
  },
});

export const cancelQuotaRequestBody = message({
  quotaIds: entries(quotaId).openapi({ description: 'which are not wanted any more; they must be PENDING' }),
}).openapi('CancelQuotaRequestRequest', { example: { quotaIds: ['compute.diskPools.count'] } });

export const approveQuotaRequestBody = message({
  items: entries(
    message({
      quotaId,
      approvedLimit: limitNumber
        .optional()
        .openapi({ description: 'the limit that is set; the desired one unless given' }),
      message: reviewMessage,
    }),
  )
    .optional()
    .openapi({ description: 'what is approved; all that is PENDING, as desired, unless given' }),
}).openapi('ApproveQuotaRequestRequest', {
  example: { items: [{ quotaId: 'compute.diskPools.count', approvedLimit: 3, message: 'three for now' }] },
});

export const rejectQuotaRequestBody = message({
  quotaIds: entries(quotaId)
    .optional()
    .openapi({ description: 'what is rejected; all that is PENDING unless given' }),
  message: reviewMessage,
}).openapi('RejectQuotaRequestRequest', {
  example: { quotaIds: ['compute.diskPools.count'], message: 'delete what nobody uses first' },
});

export const quotaRequestPath = z.object({
  quotaRequestId: requiredText(50).openapi({ description: 'a quota request by its id' }),
});
export const listQuotaRequestsQuery = query({
  ...resourceQuery,
  pageSize,
  pageToken,
  filter: optionalText(1000).openapi({
    description: "on `status` alone, for example `status in ('PENDING','PROCESSING')`",
  }),
});

export const quotaRequest = z
  .object({
    id: z.string(),
    resource,
    createdAt: timestamp,
    createdBy: z.string(),
    status: z.enum(['PENDING', 'PROCESSING', 'PROCESSED', 'CANCELED']).openapi({
      description: 'PROCESSING when some of its quotas have an answer, PROCESSED when all have',
    }),
    quotaLimits: z
      .array(
        z.object({
          quotaId: z.string().openapi({ description: 'a quota by its id' }),
          desiredLimit: z.number().optional().openapi({ description: 'the limit that is wanted' }),
          approvedLimit: z.number().optional().openapi({ description: 'the limit that was set' }),
          unit: z.enum(['count', 'bytes']).openapi({ description: 'what the limit counts' }),
          status: z
            .enum(['PENDING', 'PARTIAL_APPROVED', 'APPROVED', 'REJECTED', 'CANCELED'])
            .openapi({ description: 'the answer; PARTIAL_APPROVED is less than was wanted' }),
          message: z.string().optional().openapi({ description: 'why, as the administrator says' }),
          modifiedBy: z
            .string()
            .optional()
            .openapi({ description: 'the service account that answered or cancelled' }),
        }),
      )
      .openapi({ description: 'the quotas that are asked for, in their order' }),
  })
  .openapi('QuotaRequest', { description: 'Asks for other limits, which an administrator settles' });

export const quotaRequestList = z
  .object({
    quotaRequests: z.array(quotaRequest).optional().openapi({ description: 'the requests of this page' }),
    nextPageToken,
  })
  .openapi('ListQuotaRequestsResponse');
