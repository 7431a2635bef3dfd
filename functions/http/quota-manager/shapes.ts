import type { z } from 'zod';
import { QUOTA_RESOURCE_TYPE, QUOTAS } from '../../../core/quotas.ts';
import type { QuotaLimit } from '../../../registry/quotas/limits.ts';
import type { QuotaRequest } from '../../../registry/quotas/requests.ts';
import type { quotaLimit as quotaLimitWire } from '../../../schema/wire/quota-manager/quota-limit.ts';
import type { quotaRequest as quotaRequestWire } from '../../../schema/wire/quota-manager/quota-request.ts';
import { compact, time } from '../wire.ts';

export const QUOTA_LIMIT_TYPE = 'yandex.cloud.quotamanager.v1.QuotaLimit';
export const QUOTA_REQUEST_TYPE = 'yandex.cloud.quotamanager.v1.QuotaRequest';

export function resourceShape(cloudId: string) {
  return { id: cloudId, type: QUOTA_RESOURCE_TYPE };
}

/** A limit and its use, both also when they are 0. */
export function quotaLimitShape({ quotaId, limit, usage }: QuotaLimit): z.infer<typeof quotaLimitWire> {
  return { quotaId, limit, usage };
}

/** A request as the contract shows it: a limit of 0 is left out of it. */
export function quotaRequestShape(request: QuotaRequest): z.infer<typeof quotaRequestWire> {
  return {
    id: request.id,
    resource: resourceShape(request.cloudId),
    createdAt: time(request.createdAt),
    createdBy: request.createdBy,
    status: request.status,
    quotaLimits: request.items.map((item) =>
      compact({
        quotaId: item.quotaId,
        desiredLimit: item.desiredLimit || undefined,
        approvedLimit: item.approvedLimit || undefined,
        unit: QUOTAS[item.quotaId].unit,
        status: item.status,
        message: item.message,
        modifiedBy: item.modifiedBy,
      }),
    ) as z.infer<typeof quotaRequestWire>['quotaLimits'],
  };
}
