import { checkText } from '../../../core/names.ts';
import * as z from '../../zod.ts';
import { durationBetween } from '../duration.ts';
import { message, nextPageToken, pageSize, pageToken, query, ruled, timestamp } from '../json.ts';

const MIN_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 365 * 86_400;

const holder = ruled((text) => checkText('leaseHolder', text));

export const leaseImageBody = message({
  holder,
  ttl: durationBetween(MIN_TTL_SECONDS, MAX_TTL_SECONDS),
}).openapi('LeaseImageRequest', { example: { holder: 'fleet/web-prod', ttl: '86400s' } });

export const releaseLeaseBody = message({ holder }).openapi('ReleaseLeaseRequest', {
  example: { holder: 'fleet/web-prod' },
});

export const lease = z
  .object({
    id: z.string(),
    imageId: z.string(),
    holder: z.string(),
    createdAt: timestamp,
    createdBy: z.string(),
    renewedAt: timestamp,
    expiresAt: timestamp,
  })
  .openapi('Lease', {
    example: {
      id: 'fd8r5t7y9u1i3o5p7a9s',
      imageId: 'fd8q3k0v5m2r7t9w1x4z',
      holder: 'fleet/web-prod',
      createdAt: '2026-04-01T07:13:41.123Z',
      createdBy: 'ajek4h1v9r6w3b8n0q5m',
      renewedAt: '2026-04-01T07:13:41.123Z',
      expiresAt: '2026-04-02T07:13:41.123Z',
    },
  });

export const leasesPage = query({ pageSize, pageToken });

export const leaseList = z
  .object({ leases: z.array(lease).optional(), nextPageToken })
  .openapi('ListLeasesResponse');
