import { createHash, randomBytes } from 'node:crypto';
import { ID_RANDOM_BYTES, type KeySecret, makeId } from '../core/ids.ts';

/** One row of a table, by the names of its columns. */
export interface Row {
  readonly table: string;
  readonly values: Readonly<Record<string, string | number>>;
}

/** Who is made, and where. */
export interface FirstAdministrator {
  readonly organizationId: string;
  readonly cloudId: string;
  readonly cloudName: string;
  /** The cloud's first folder, which also holds the service account. */
  readonly folderId: string;
  readonly folderName: string;
  readonly accountId: string;
  readonly accountName: string;
}

/** The role that makes a service account the administrator of its organization. */
export const ADMINISTRATOR_ROLE = 'organization-manager.admin';

/**
 * Everything that a registry begins with: a cloud with a folder, the folder of public images, a service account that
 * may do everything in the cloud and make others, and a key of it. The row that makes it the administrator comes last.
 */
export function firstRows(who: FirstAdministrator, key: KeySecret, now: number): readonly Row[] {
  const { cloudId, accountId } = who;
  const folder = (id: string, name: string): Row => ({
    table: 'folders',
    values: { id, cloud_id: cloudId, name, labels: '{}', created_at: now },
  });
  const bind = (
    kind: string,
    resourceId: string,
    subject: readonly [string, string],
    roleId: string,
  ): Row => ({
    table: 'access_bindings',
    values: {
      resource_kind: kind,
      resource_id: resourceId,
      subject_type: subject[0],
      subject_id: subject[1],
      role_id: roleId,
    },
  });
  const account = ['serviceAccount', accountId] as const;
  return [
    {
      table: 'clouds',
      values: {
        id: cloudId,
        organization_id: who.organizationId,
        name: who.cloudName,
        labels: '{}',
        created_at: now,
      },
    },
    folder(who.folderId, who.folderName),
    folder('standard-images', 'standard-images'),
    {
      table: 'service_accounts',
      values: {
        id: accountId,
        folder_id: who.folderId,
        cloud_id: cloudId,
        name: who.accountName,
        labels: '{}',
        created_at: now,
      },
    },
    keyRow(accountId, key, now),
    bind('folder', 'standard-images', ['system', 'allAuthenticatedUsers'], 'compute.images.user'),
    bind('cloud', cloudId, account, 'admin'),
    bind('organization', who.organizationId, account, ADMINISTRATOR_ROLE),
  ];
}

/** An API key of a service account; the row has nothing from which the key could be told. */
export function keyRow(accountId: string, key: KeySecret, now: number): Row {
  return {
    table: 'api_keys',
    values: {
      id: makeId('apiKey', randomBytes(ID_RANDOM_BYTES)),
      service_account_id: accountId,
      prefix: key.publicPrefix,
      secret_hash: createHash('sha256').update(key.text).digest('hex'),
      masked_secret: `****${key.text.slice(-6)}`,
      created_at: now,
    },
  };
}
