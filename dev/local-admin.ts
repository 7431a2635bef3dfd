import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import type { D1Database, D1PreparedStatement } from '@cloudflare/workers-types';
import { KEY_RANDOM_BYTES, type KeySecret, makeSecret, parseSecret } from '../core/ids.ts';
import { type FirstAdministrator, firstRows } from './first-rows.ts';
import { readText, type StateFolder, writePrivately } from './state-folder.ts';

/** Ids that can be typed, because they are on one machine only. */
const LOCAL: FirstAdministrator = {
  organizationId: 'local',
  cloudId: 'local',
  cloudName: 'local',
  folderId: 'default',
  folderName: 'default',
  accountId: 'local-admin',
  accountName: 'local-admin',
};

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
  return firstRows(LOCAL, key, now).map(({ table, values }) => {
    const columns = Object.keys(values);
    const places = columns.map(() => '?').join(', ');
    return database
      .prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
      .bind(...Object.values(values));
  });
}
