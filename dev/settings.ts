import type { z } from 'zod';
import {
  clientSettings,
  type StartSettings,
  startSettings,
  type WorkerSettings,
  workerSettings,
} from '../schema/settings.ts';
import { Refusal } from './refusal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What says where the objects are; each of these is for an own store, which `S3_ENDPOINT` names. */
const STORE_CREDENTIALS = ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** The settings of `npm start`. Throws a Refusal that names a variable which is unknown or malformed. */
export function readStartSettings(env: Environment): StartSettings & { S3_PORT: number } {
  const known = new Set(
    [workerSettings, startSettings, clientSettings].flatMap((schema) => Object.keys(schema.shape)),
  );
  const unknown = Object.keys(env).filter((name) => name.startsWith('BULLION_') && !known.has(name));
  if (unknown.length > 0) {
    throw new Refusal(`${unknown.join(', ')}: no such setting; the README lists them all`);
  }
  const settings = read(startSettings, env);
  const s3Port = settings.S3_PORT ?? (settings.PORT === 0 ? 0 : settings.PORT + 1);
  if (s3Port > 65_535) throw new Refusal(`S3_PORT: must be set when PORT is ${settings.PORT}`);
  if (s3Port === settings.PORT && s3Port !== 0) {
    throw new Refusal(`S3_PORT: must be another port than PORT, which is ${settings.PORT}`);
  }
  return { ...settings, S3_PORT: s3Port };
}

/** What a client of the API is told by its environment. */
export function readClientSettings(env: Environment): z.infer<typeof clientSettings> {
  return read(clientSettings, env);
}

/** The Worker's settings that are present in `env`, as the text that the Worker will read, checked beforehand. */
export function readWorkerSettings(
  env: Environment,
  localStore: { endpoint: string; accessKeyId: string; secretAccessKey: string } | undefined,
): { settings: WorkerSettings; text: Record<string, string> } {
  const text: Record<string, string> = {};
  for (const name of Object.keys(workerSettings.shape)) {
    const value = env[name];
    if (value !== undefined && value !== '') text[name] = value;
  }
  if (localStore !== undefined) {
    const stray = STORE_CREDENTIALS.find((name) => text[name] !== undefined);
    if (stray !== undefined) {
      throw new Refusal(`${stray}: is for the store that S3_ENDPOINT names; set both or neither`);
    }
    text.S3_ENDPOINT = localStore.endpoint;
    text.S3_ACCESS_KEY_ID = localStore.accessKeyId;
    text.S3_SECRET_ACCESS_KEY = localStore.secretAccessKey;
  }
  return { settings: read(workerSettings, text), text };
}

/** An empty variable counts as one that is not set, as in a shell's `PORT= npm start`. */
function read<Schema extends z.ZodObject>(schema: Schema, env: Environment): z.infer<Schema> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    const found = present[name];
    return found === undefined
      ? `${name}: is not set`
      : `${name}: ${issue.message} (is ${shown(name, found)})`;
  });
  throw new Refusal(faults.join('; '));
}

function shown(name: string, value: string): string {
  return /SECRET|KEY/.test(name) ? 'a secret that is not shown' : JSON.stringify(value);
}
