import { createHash, randomBytes } from 'node:crypto';
import { ID_RANDOM_BYTES, KEY_RANDOM_BYTES, makeId, makeSecret } from '../../core/ids.ts';
import { QUOTAS, type QuotaId } from '../../core/quotas.ts';
import type { Local } from '../../dev/local.ts';
import { Client } from './client.ts';

/** A cloud with two folders and a service account that holds a role on it, written straight into the database. */
export interface Tenant {
  readonly cloudId: string;
  readonly folderId: string;
  readonly otherFolderId: string;
  readonly accountId: string;
  readonly key: string;
  readonly api: Client;
}

export interface TenantOptions {
  readonly role?: string;
  /** Quotas that do not stand at their defaults. */
  readonly limits?: Readonly<Partial<Record<QuotaId, number>>>;
}

/** Enough that no test about something else meets a quota. */
export const AMPLE = {
  'compute.images.count': 10_000,
  'compute.images.size': 2 ** 50,
  'compute.disks.count': 10_000,
  'compute.disks.size': 2 ** 50,
  'compute.hddDisks.size': 2 ** 50,
  'compute.ssdDisks.size': 2 ** 50,
  'compute.snapshots.count': 10_000,
  'compute.snapshots.size': 2 ** 50,
} as const;

export async function newTenant(
  local: Local,
  { role = 'admin', limits = {} }: TenantOptions = {},
): Promise<Tenant> {
  const database = await local.database();
  const id = (kind: Parameters<typeof makeId>[0]) => makeId(kind, randomBytes(ID_RANDOM_BYTES));
  const [cloudId, folderId, otherFolderId] = [id('cloud'), id('folder'), id('folder')];
  const accountId = id('serviceAccount');
  const secret = makeSecret(randomBytes(KEY_RANDOM_BYTES));
  const insert = (table: string, row: Readonly<Record<string, string | number>>) =>
    database
      .prepare(
        `INSERT INTO ${table} ("${Object.keys(row).join('", "')}") VALUES (${Object.keys(row)
          .map(() => '?')
          .join(', ')})`,
      )
      .bind(...Object.values(row));
  const now = Date.now();
  const named = (rowId: string) => ({ id: rowId, name: rowId, labels: '{}', created_at: now });
  await database.batch([
    insert('clouds', { ...named(cloudId), organization_id: 'tests' }),
    insert('folders', { ...named(folderId), cloud_id: cloudId }),
    insert('folders', { ...named(otherFolderId), cloud_id: cloudId }),
    insert('service_accounts', { ...named(accountId), folder_id: folderId, cloud_id: cloudId }),
    insert('api_keys', {
      id: id('apiKey'),
      service_account_id: accountId,
      prefix: secret.publicPrefix,
      secret_hash: createHash('sha256').update(secret.text).digest('hex'),
      masked_secret: `bln_${secret.publicPrefix}_****`,
      created_at: now,
    }),
    insert('access_bindings', {
      resource_kind: 'cloud',
      resource_id: cloudId,
      subject_type: 'serviceAccount',
      subject_id: accountId,
      role_id: role,
    }),
    ...Object.entries(limits).map(([quotaId, limit]) =>
      insert('quotas', { cloud_id: cloudId, quota_id: quotaId, limit, usage: 0 }),
    ),
  ]);
  return {
    cloudId,
    folderId,
    otherFolderId,
    accountId,
    key: secret.text,
    api: new Client(local.url, secret.text),
  };
}

/** What is used of a cloud's quotas, 0 for one without a row. */
export async function quotaUse(local: Local, cloudId: string): Promise<Record<QuotaId, number>> {
  const database = await local.database();
  const { results } = await database
    .prepare('SELECT quota_id, usage FROM quotas WHERE cloud_id = ?')
    .bind(cloudId)
    .all<{ quota_id: QuotaId; usage: number }>();
  const use = new Map(results.map((row) => [row.quota_id, row.usage]));
  return Object.fromEntries(
    Object.keys(QUOTAS).map((quotaId) => [quotaId, use.get(quotaId as QuotaId) ?? 0]),
  ) as Record<QuotaId, number>;
}

export async function setLimit(
  local: Local,
  cloudId: string,
  quotaId: QuotaId,
  limit: number,
): Promise<void> {
  const database = await local.database();
  await database
    .prepare(
      'INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES (?1, ?2, ?3, 0) ON CONFLICT DO UPDATE SET "limit" = ?3',
    )
    .bind(cloudId, quotaId, limit)
    .run();
}
