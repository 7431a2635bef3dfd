import { createHash, randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import type { D1Database, D1PreparedStatement } from '@cloudflare/workers-types';
import {
  ID_RANDOM_BYTES,
  KEY_RANDOM_BYTES,
  type KeySecret,
  makeId,
  makeSecret,
  parseSecret,
} from '../core/ids.ts';
import { readText, type StateFolder, writePrivately } from './state-folder.ts';

/**
 * Makes what a registry on one machine begins with, when it is not there: the cloud `local` with its folders, the
 * service account `local-admin` that may do everything in it, and the account's key in a file of the state folder.
 * The key is written under another name first and gets its own when the database knows it, so that whenever the
 * process is killed, the key in the file works.
 */
export async function ensureLocalAdmin(database: D1Database, state: StateFolder): Promise<void> {
  const seeded = await database.prepare("SELECT id FROM clouds WHERE id = 'local'").first();
  const known = readText(state.adminKeyFile);
  if (seeded !== null && known !== undefined) return;

  const pendingFile = `${state.adminKeyFile}.pending`;
  const pending = parseSecret((known ?? readText(pendingFile) ?? '').trim());
  const key = pending ?? makeSecret(randomBytes(KEY_RANDOM_BYTES));
  if (pending === undefined) writePrivately(pendingFile, `${key.text}\n`);
  await database.batch(seed(database, key, Date.now()));
  if (key.text !== known?.trim()) renameSync(pendingFile, state.adminKeyFile);
}

/** All rows in one batch; those that exist are left as they are. */
function seed(database: D1Database, key: KeySecret, now: number): D1PreparedStatement[] {
  const insert = (table: string, row: Readonly<Record<string, string | number>>) => {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    return database
      .prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
      .bind(...Object.values(row));
  };
  const folder = (id: string) =>
    insert('folders', { id, cloud_id: 'local', name: id, labels: '{}', created_at: now });
  const bind = (
    resourceKind: string,
    resourceId: string,
    subject: readonly [string, string],
    roleId: string,
  ) =>
    insert('access_bindings', {
      resource_kind: resourceKind,
      resource_id: resourceId,
      subject_type: subject[0],
      subject_id: subject[1],
      role_id: roleId,
    });
  const admin = ['serviceAccount', 'local-admin'] as const;
  return [
    insert('clouds', { id: 'local', organization_id: 'local', name: 'local', labels: '{}', created_at: now }),
    folder('default'),
    folder('standard-images'),
    insert('service_accounts', {
      id: 'local-admin',
      folder_id: 'default',
      cloud_id: 'local',
      name: 'local-admin',
      labels: '{}',
      created_at: now,
    }),
    insert('api_keys', {
      id: makeId('apiKey', randomBytes(ID_RANDOM_BYTES)),
      service_account_id: 'local-admin',
      prefix: key.publicPrefix,
      secret_hash: createHash('sha256').update(key.text).digest('hex'),
      masked_secret: `****${key.text.slice(-6)}`,
      created_at: now,
    }),
    bind('cloud', 'local', admin, 'admin'),
    bind('organization', 'local', admin, 'organization-manager.admin'),
    bind('folder', 'standard-images', ['system', 'allAuthenticatedUsers'], 'compute.images.user'),
  ];
}
