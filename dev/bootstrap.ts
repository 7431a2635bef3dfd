import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ID_RANDOM_BYTES, type IdKind, KEY_RANDOM_BYTES, makeId, makeSecret } from '../core/ids.ts';
import { ADMINISTRATOR_ROLE, type FirstAdministrator, firstRows, keyRow, type Row } from './first-rows.ts';
import { Refusal } from './refusal.ts';
import { executeOnD1, sqlLiteral, type WranglerTarget } from './wrangler.ts';

const USAGE = 'usage: npm run bootstrap -- [--cloud NAME] [--new-key] [--local FOLDER]';
/** As names of clouds are everywhere in the API. */
const CLOUD_NAME = /^[a-z][-a-z0-9]{1,61}[a-z0-9]$/;

/** Those who administer an organization, with the accounts that are still there. */
const ADMINISTRATORS = `SELECT service_accounts.id AS id, service_accounts.name AS name
  FROM access_bindings JOIN service_accounts ON service_accounts.id = subject_id
  WHERE resource_kind = 'organization' AND subject_type = 'serviceAccount'
    AND role_id IN ('${ADMINISTRATOR_ROLE}', 'organization-manager.organizations.owner')
  ORDER BY service_accounts.created_at, service_accounts.id LIMIT 1`;

/**
 * `npm run bootstrap`: makes the first administrator of a deployment and prints its key, once. Two of them at the same
 * time make one administrator: what is written is written only while there is none.
 */
export async function main(bootstrapArguments: readonly string[]): Promise<void> {
  const { cloudName, newKey, target } = optionsOf(bootstrapArguments);
  try {
    await (newKey ? printNewKey(target) : printAdministrator(target, cloudName));
  } catch (error) {
    if (error instanceof Refusal && error.message.includes('no such table')) {
      throw new Refusal('the database has no tables yet; run npm run deploy first, which makes them');
    }
    throw error;
  }
}

interface Administrator {
  readonly id: string;
  readonly name: string;
}

async function printAdministrator(target: WranglerTarget, cloudName: string): Promise<void> {
  const id = (kind: IdKind) => makeId(kind, randomBytes(ID_RANDOM_BYTES));
  const who: FirstAdministrator = {
    organizationId: id('organization'),
    cloudId: id('cloud'),
    cloudName,
    folderId: id('folder'),
    folderName: 'default',
    accountId: id('serviceAccount'),
    accountName: 'administrator',
  };
  const key = makeSecret(randomBytes(KEY_RANDOM_BYTES));
  const answers = await executeOnD1(target, [
    ...firstRows(who, key, Date.now()).map((row) => insertUnless(row, ADMINISTRATORS)),
    ADMINISTRATORS,
  ]);
  const found = administratorIn(answers.at(-1));
  if (found === undefined) throw new Error('no administrator was written');
  if (found.id !== who.accountId) {
    throw new Refusal(
      `there is an administrator already: the service account ${found.name} (${found.id}); ` +
        'it makes others through the API. If its key is lost, --new-key makes another one',
    );
  }
  console.log(`
The first administrator is the service account ${who.accountName}.

  organization     ${who.organizationId}
  cloud            ${who.cloudId} (${who.cloudName})
  folder           ${who.folderId} (${who.folderName})
  service account  ${who.accountId}
  key              ${key.text}

The key is shown this once; only its hash is kept. Keep it where secrets are kept.`);
}

async function printNewKey(target: WranglerTarget): Promise<void> {
  const [rows] = await executeOnD1(target, [ADMINISTRATORS]);
  const found = administratorIn(rows);
  if (found === undefined)
    throw new Refusal('there is no administrator yet; leave --new-key out to make one');
  const { id, name } = found;
  const key = makeSecret(randomBytes(KEY_RANDOM_BYTES));
  await executeOnD1(target, [insert(keyRow(id, key, Date.now()))]);
  console.log(`
A new key of the service account ${name} (${id}); those that it had still work.

  key              ${key.text}

The key is shown this once; only its hash is kept. Keep it where secrets are kept.`);
}

/** The administrator that came first, of the rows of `ADMINISTRATORS`. */
function administratorIn(rows: readonly unknown[] | undefined): Administrator | undefined {
  return rows?.[0] as Administrator | undefined;
}

function insert({ table, values }: Row): string {
  return `INSERT INTO ${table} (${columnsOf(values)}) VALUES (${literalsOf(values)})`;
}

/** A row that is left out when `query` finds something, or when the row is there already. */
function insertUnless({ table, values }: Row, query: string): string {
  return `INSERT OR IGNORE INTO ${table} (${columnsOf(values)})
    SELECT ${literalsOf(values)} WHERE NOT EXISTS (${query})`;
}

const columnsOf = (values: Row['values']) => Object.keys(values).join(', ');
const literalsOf = (values: Row['values']) => Object.values(values).map(sqlLiteral).join(', ');

function optionsOf(bootstrapArguments: readonly string[]): {
  cloudName: string;
  newKey: boolean;
  target: WranglerTarget;
} {
  try {
    const { values } = parseArgs({
      args: [...bootstrapArguments],
      options: {
        cloud: { type: 'string', default: 'first' },
        'new-key': { type: 'boolean', default: false },
        local: { type: 'string' },
      },
    });
    if (!CLOUD_NAME.test(values.cloud)) {
      throw new RangeError(
        '--cloud is 3–63 lower-case letters, digits and hyphens that begin with a letter and do not end with a hyphen',
      );
    }
    return {
      cloudName: values.cloud,
      newKey: values['new-key'],
      target: values.local === undefined ? { remote: true } : { localFolder: resolve(values.local) },
    };
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
}
