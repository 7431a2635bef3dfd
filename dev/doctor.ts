import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Deployment, readDeployment } from './deployment.ts';
import { type Check, type Checks, fail, formatCheck, ok, warn } from './doctor/check.ts';
import { databaseChecks, type Query } from './doctor/database.ts';
import { bindingChecks } from './doctor/project.ts';
import { registryChecks } from './doctor/registry.ts';
import { storeChecks, storeSettings } from './doctor/store.ts';
import { startLocal } from './local.ts';
import { reachableUrl } from './ports.ts';
import { Refusal } from './refusal.ts';
import { readClientSettings, readStartSettings, readWorkerSettings } from './settings.ts';
import { readText } from './state-folder.ts';
import { executeOnD1 } from './wrangler.ts';

const USAGE = 'usage: npm run doctor -- [--json] [--remote]';

/**
 * `npm run doctor`: looks at everything that a registry needs, changes nothing, and says for each fault how to mend it.
 * With BULLION_URL it asks the registry there, else the one of the state folder, whether that runs or not.
 * The exit status is 1 when something failed.
 */
export async function main(doctorArguments: readonly string[]): Promise<void> {
  const { json, remote } = optionsOf(doctorArguments);
  const checks: Check[] = [];
  for await (const check of examine(process.env, remote)) {
    checks.push(check);
    if (!json) console.log(formatCheck(check));
  }
  const failed = checks.filter(({ outcome }) => outcome === 'FAIL').length;
  const warned = checks.filter(({ outcome }) => outcome === 'warn').length;
  if (json) console.log(JSON.stringify({ failed, warned, checks }, undefined, 2));
  else console.log(`${checks.length} checks, ${failed} failed, ${warned} to look at`);
  process.exitCode = failed > 0 ? 1 : 0;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** in: `remote` asks the deployed database through wrangler. */
export async function* examine(env: Environment, remote: boolean): Checks {
  try {
    yield* examineAll(env, remote);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield fail('settings', error.message, 'the README lists every setting with its meaning');
  }
}

async function* examineAll(env: Environment, remote: boolean): Checks {
  const deployment = await readDeployment();
  yield* bindingChecks(deployment);
  const { BULLION_URL: url, BULLION_KEY: key } = readClientSettings(env);
  if (remote) {
    const query: Query = async (statement) =>
      (await executeOnD1({ remote: true }, [statement]))[0] as Record<string, unknown>[];
    yield* databaseChecks(query, migrationsFolder(deployment), 'npm run deploy applies it', true);
  }
  if (url === undefined) {
    if (!remote) yield* examineLocal(env, deployment);
    return;
  }
  yield* registryChecks(url, key);
  if (env.S3_ENDPOINT) yield* examineStore(env, undefined);
  else {
    yield warn(
      'bucket',
      'it is not looked at from here',
      'set S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and BULLION_CORS_ORIGINS as the Worker has them',
    );
  }
}

/** The registry of the state folder. One that does not run is started as it is found, on other ports, and ended. */
async function* examineLocal(env: Environment, deployment: Deployment): Checks {
  const settings = readStartSettings(env);
  const state = settings.BULLION_STATE;
  if (!existsSync(join(state, 'd1'))) {
    yield warn(
      'state',
      `${state} holds no registry`,
      'npm start makes one; or set BULLION_URL or BULLION_STATE',
    );
    if (env.S3_ENDPOINT) yield* examineStore(env, undefined);
    return;
  }
  const keyOf = () => readText(join(state, 'local-admin.key'))?.trim();
  try {
    const local = await startLocal({ state, port: 0, s3Port: 0, env, asFound: true });
    try {
      yield ok('state', `${state} is in use by nobody; looked at as it is`);
      const database = await local.database();
      const query: Query = async (statement) =>
        (await database.prepare(statement).all<Record<string, unknown>>()).results;
      yield* databaseChecks(query, migrationsFolder(deployment), 'npm start applies it', false);
      yield* registryChecks(local.url, keyOf());
      yield* examineStore(env, local.s3Url, state);
    } finally {
      await local.stop();
    }
  } catch (error) {
    if (!(error instanceof Refusal) || !/ is in use by process /.test(error.message)) throw error;
    yield ok('state', `${state} is in use: the registry runs`);
    yield* registryChecks(reachableUrl(settings.HOST, settings.PORT), keyOf());
    yield* examineStore(env, reachableUrl(settings.HOST, settings.S3_PORT), state);
  }
}

/** in: `ownUrl` is where the own store of a state folder answers, unless the settings name another one. */
async function* examineStore(env: Environment, ownUrl: string | undefined, state = ''): Checks {
  const ownCredential = readText(join(state, 'object-store.json'));
  const own =
    env.S3_ENDPOINT || ownUrl === undefined || ownCredential === undefined
      ? undefined
      : { endpoint: ownUrl, ...JSON.parse(ownCredential) };
  const { settings, text } = readWorkerSettings(env, own);
  yield ok('settings', `well-formed: ${Object.keys(text).sort().join(', ')}`);
  yield* storeChecks(storeSettings(settings), settings.BULLION_CORS_ORIGINS);
}

function migrationsFolder({ databases }: Deployment): string {
  return databases[0]?.migrationsFolder ?? '';
}

function optionsOf(doctorArguments: readonly string[]): { json: boolean; remote: boolean } {
  try {
    const { values } = parseArgs({
      args: [...doctorArguments],
      options: {
        json: { type: 'boolean', default: false },
        remote: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
}
