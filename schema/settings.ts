import * as z from 'zod';

/**
 * Every setting of the registry, read once and validated here. On one machine they are environment variables
 * of `npm start`; deployed, they are variables and secrets of the Worker under the same names.
 */
const text = z.string().min(1);
const number = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};
const count = (fallback: number, min: number, max: number) => number(min, max).default(fallback);
const url = z
  .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
  .transform((value) => value.replace(/\/+$/, ''));

/** Texts separated by commas. */
const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
  );
/** Origins separated by commas, written as the URL standard writes them. */
const origins = () =>
  list()
    .refine((values) => values.every(isOrigin), {
      error: 'must be origins such as https://example.com, separated by commas',
    })
    .default([]);

function isOrigin(text: string): boolean {
  try {
    return /^https?:\/\//.test(text) && new URL(text).origin === text;
  } catch {
    return false;
  }
}

/** What the Worker itself reads. */
export const workerSettings = z.object({
  S3_ENDPOINT: url.describe('where the Worker reaches the object store'),
  S3_PUBLIC_ENDPOINT: url.optional().describe('where clients reach it, when that is another address'),
  S3_REGION: text.default('auto').describe('region in the signatures'),
  S3_BUCKET: text.default('bullion').describe('bucket that holds the layers'),
  S3_ACCESS_KEY_ID: text.describe('credential for the object store'),
  S3_SECRET_ACCESS_KEY: text.describe('its secret'),
  BULLION_UPLOAD_TTL_SECONDS: count(86_400, 60, 604_800).describe(
    'how long an upload may take until it is ended',
  ),
  BULLION_URL_TTL_SECONDS: count(3_600, 1, 604_800).describe('how long a presigned URL works'),
  BULLION_LAYER_GRACE_SECONDS: count(3_600, 0, 2_592_000).describe(
    'how long bytes stay that nothing names any more',
  ),
  BULLION_RECONCILE_GRACE_SECONDS: count(3_600, 0, 2_592_000).describe(
    'how old something in the store is at least before it is compared with the rows',
  ),
  BULLION_TRASH_SECONDS: count(604_800, 0, 31_536_000).describe(
    'how long a deleted image can be brought back; 0 turns the trash off',
  ),
  BULLION_AUDIT_SECONDS: count(31_536_000, 86_400, 315_360_000).describe(
    'how long it is kept what was changed by whom, and what was known of purged images',
  ),
  BULLION_MAX_ACTIVE_OPERATIONS: count(15, 1, 10_000).describe('running operations in a folder'),
  BULLION_JOB_ATTEMPTS: count(8, 1, 100).describe('how often a job is tried while a part does not answer'),
  BULLION_COPY_WHOLE_BYTES: count(5 * 2 ** 30, 5 * 2 ** 20, 5 * 2 ** 30).describe(
    'the longest file that the object store copies in one request; longer ones are copied in parts',
  ),
  BULLION_IMPORT_ORIGINS: origins().describe(
    'where links as a source may lead, such as https://storage.yandexcloud.net; the object store itself without any',
  ),
  BULLION_SOURCE_TIMEOUT_SECONDS: count(30, 1, 120).describe(
    'how long the host of a link may send nothing until the copy is tried again',
  ),
  BULLION_TRUSTED_ORIGINS: origins().describe(
    'origins that may be fetched from and sent to although they are inside the own network, or speak http',
  ),
  BULLION_FOLDER_DELETION_SECONDS: count(86_400, 0, 2_592_000).describe(
    'how long a folder that holds something stays when it is deleted',
  ),
  BULLION_ZONES: list()
    .refine((zones) => zones.length > 0 && zones.every((zone) => /^[a-z0-9][a-z0-9-]{0,49}$/.test(zone)), {
      error: 'must be names of lower-case letters, digits and hyphens, separated by commas',
    })
    .default(['ru-central1-a', 'ru-central1-b', 'ru-central1-d'])
    .describe('availability zones that disks can be in'),
  BULLION_CORS_ORIGINS: list().default([]).describe('origins of web consoles, separated by commas'),
});

export type WorkerSettings = z.infer<typeof workerSettings>;

/** The origins of the object store: where the Worker reaches it, and where clients do. */
export function storeOrigins(
  settings: Pick<WorkerSettings, 'S3_ENDPOINT' | 'S3_PUBLIC_ENDPOINT'>,
): readonly string[] {
  const { S3_ENDPOINT, S3_PUBLIC_ENDPOINT = S3_ENDPOINT } = settings;
  return [...new Set([S3_ENDPOINT, S3_PUBLIC_ENDPOINT].map((endpoint) => new URL(endpoint).origin))];
}

/** What `npm start` reads besides: it is about one machine, and nothing of it reaches the Worker. */
export const startSettings = z.object({
  HOST: text.default('127.0.0.1').describe('address on which the registry and its object store listen'),
  PORT: count(8787, 0, 65_535).describe('port of the registry; 0 takes a free one'),
  S3_PORT: number(0, 65_535).optional().describe('port of the object store, PORT + 1 by default'),
  BULLION_STATE: text
    .default('.bullion')
    .describe('folder that holds everything that must survive a restart'),
  BULLION_SWEEP_SECONDS: count(60, 1, 3_600).describe(
    'how often the scheduled functions run on one machine; deployed, it is every minute',
  ),
});

export type StartSettings = z.infer<typeof startSettings>;

/** What clients of the API read: the command line and the demo. */
export const clientSettings = z.object({
  BULLION_URL: url.optional().describe('where the registry answers'),
  BULLION_KEY: text.optional().describe('API key of the caller'),
});
