import { MAX_LIMIT } from '../../../core/quota-requests.ts';
import { QUOTA_RESOURCE_TYPE } from '../../../core/quotas.ts';
import * as z from '../../zod.ts';
import { message, nextPageToken, optionalText, pageSize, query, requiredOr, requiredText } from '../json.ts';

const QUOTA_ID = { description: 'a quota by its id', example: 'compute.diskPools.count' };
const RESOURCE_ID = { description: 'the cloud by its id' };
const RESOURCE_TYPE = { description: `always ${QUOTA_RESOURCE_TYPE}`, example: QUOTA_RESOURCE_TYPE };

export const quotaId = requiredText(64).openapi(QUOTA_ID);

const resourceType = (max: number) =>
  requiredText(max)
    .refine(
      (type) => type === '' || type === QUOTA_RESOURCE_TYPE,
      `must be ${QUOTA_RESOURCE_TYPE}: quotas are counted per cloud`,
    )
    .openapi(RESOURCE_TYPE);

/** What a quota is of, in the query of a GET. */
export const resourceQuery = {
  'resource.id': requiredText(50).openapi(RESOURCE_ID),
  'resource.type': resourceType(100),
};

/** What a quota is of, in a body. */
export const resourceMessage = message({
  id: requiredText(50).openapi(RESOURCE_ID),
  type: resourceType(100),
});

/** A limit in a request: a whole number, also as a text. */
export const limitNumber = z
  .union([z.string(), z.number()], { error: requiredOr('a number') })
  .transform((given, context) => {
    const problem = (text: string) => {
      context.addIssue({ code: 'custom', message: text });
      return z.NEVER;
    };
    if (typeof given === 'string' && !/^-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?$/.test(given)) {
      return problem('expected a number');
    }
    const limit = Number(given);
    if (limit < 0 || limit > MAX_LIMIT) return problem('must be in the range 0..9223372036854775807');
    if (!Number.isInteger(limit)) return problem('must be a whole number: things and bytes are counted');
    return limit;
  })
  .openapi({ type: 'number', minimum: 0, maximum: MAX_LIMIT });

const pageToken = optionalText(2000).openapi({ description: 'nextPageToken of the page before' });

export const quotaLimitPath = z.object({ quotaId });
export const quotaLimitQuery = query(resourceQuery);
export const listQuotaLimitsQuery = query({
  ...resourceQuery,
  service: requiredText(64).openapi({ description: 'the part that counts them', example: 'compute' }),
  pageSize,
  pageToken,
});
export const listQuotaServicesQuery = query({ resourceType: resourceType(64), pageSize, pageToken });

export const updateQuotaLimitBody = message({
  resource: resourceMessage,
  limit: limitNumber.openapi({ description: 'the limit from now on; it may lie below the use' }),
}).openapi('UpdateQuotaLimitRequest', {
  example: { resource: { id: 'b1g00000000000000000', type: QUOTA_RESOURCE_TYPE }, limit: 5 },
});

export const resource = z
  .object({ id: z.string().openapi(RESOURCE_ID), type: z.string().openapi(RESOURCE_TYPE) })
  .openapi('QuotaResource');

export const quotaLimit = z
  .object({
    quotaId: z.string().openapi(QUOTA_ID),
    limit: z.number().openapi({ description: 'how much there may be at most' }),
    usage: z.number().openapi({ description: 'how much there is, reservations included' }),
  })
  .openapi('QuotaLimit', { description: 'Counts are numbers of things, sizes are bytes' });

export const quotaLimitList = z
  .object({
    resource,
    quotaLimits: z.array(quotaLimit).optional().openapi({ description: 'the quotas of this page' }),
    nextPageToken,
  })
  .openapi('ListQuotaLimitsResponse');

export const quotaServiceList = z
  .object({
    services: z
      .array(
        z.object({
          id: z.string().openapi({ description: 'what ids of its quotas begin with', example: 'compute' }),
          name: z.string().openapi({ description: 'how it is called', example: 'Compute' }),
        }),
      )
      .optional()
      .openapi({ description: 'the parts that have quotas' }),
    nextPageToken,
  })
  .openapi('ListQuotaServicesResponse');
