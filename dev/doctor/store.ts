import { randomBytes } from 'node:crypto';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { WorkerSettings } from '../../schema/settings.ts';
import { s3Client } from '../../storage/connection.ts';
import { unavailable } from '../../storage/errors.ts';
import { openStore, type Store, type StoreSettings, StoreUnavailable } from '../../storage/store.ts';
import { type Check, type Checks, fail, ok, warn } from './check.ts';
import { corsChecks } from './cors.ts';
import { ANSWER_TIMEOUT_MS, send } from './http.ts';

/** Stores refuse a signature whose time is further from theirs. */
const REFUSED_CLOCK_SECONDS = 15 * 60;
const NOTED_CLOCK_SECONDS = 60;
const URL_TTL_SECONDS = 300;
const PART_BYTES = 1024;
const UPLOAD_TYPE = 'application/octet-stream';

/** Settings of the store as the Worker takes them. */
export function storeSettings(settings: WorkerSettings): StoreSettings {
  const { S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_REGION, S3_BUCKET } = settings;
  return {
    endpoint: S3_ENDPOINT,
    ...(S3_PUBLIC_ENDPOINT === undefined ? {} : { publicEndpoint: S3_PUBLIC_ENDPOINT }),
    region: S3_REGION,
    bucket: S3_BUCKET,
    accessKeyId: settings.S3_ACCESS_KEY_ID,
    secretAccessKey: settings.S3_SECRET_ACCESS_KEY,
  };
}

/**
 * Does with a few bytes what the registry and its clients do with disks. Everything is under `doctor/` and is removed,
 * whatever was found.
 */
export async function* storeChecks(settings: StoreSettings, corsOrigins: readonly string[]): Checks {
  const bucket = await bucketCheck(settings);
  yield bucket;
  if (bucket.outcome === 'FAIL') return;
  const store = openStore(settings);
  const key = `doctor/${randomBytes(12).toString('hex')}`;
  try {
    yield* uploadChecks(store, key, corsOrigins);
  } finally {
    yield* cleanUp(store, [key, `${key}-copy`]);
  }
}

/** Whether the store answers, knows the credential, and has the bucket. */
async function bucketCheck(settings: StoreSettings): Promise<Check> {
  const { bucket } = settings;
  try {
    await s3Client(settings).send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: 'layers/', MaxKeys: 1 }),
      { abortSignal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) },
    );
    return ok('bucket', `${bucket} answers and can be listed`);
  } catch (error) {
    const { status, code, message } = unavailable('ListObjectsV2', error);
    if (status === undefined) {
      return fail(
        'bucket',
        message,
        `S3_ENDPOINT must be where the store answers; it is ${settings.endpoint}`,
      );
    }
    return fail('bucket', message, BUCKET_CURES[code] ?? 'see what the store says about this code');
  }
}

const BUCKET_CURES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket, or set S3_BUCKET to the one that is there',
  InvalidAccessKeyId: 'set S3_ACCESS_KEY_ID to a credential that the store knows',
  SignatureDoesNotMatch: 'set S3_SECRET_ACCESS_KEY to the secret of S3_ACCESS_KEY_ID',
  AuthorizationHeaderMalformed: 'set S3_REGION to the region of the bucket',
  RequestTimeTooSkewed: 'set the clock of this machine',
  AccessDenied: 'give the credential s3:ListBucket on the bucket',
};

/** Each right of the credential, by what is done with it, in the order of an image's life. */
async function* uploadChecks(store: Store, key: string, corsOrigins: readonly string[]): Checks {
  const rights: string[] = [];
  /** Does one thing; out: its answer, or the check that says why not. */
  const attempt = async <T>(permission: string, act: () => Promise<T>): Promise<T | Check> => {
    try {
      const answer = await act();
      if (!rights.includes(permission)) rights.push(permission);
      return answer;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return fail('rights', error.message, `give the credential ${permission}`);
    }
  };
  const upload = await attempt('s3:PutObject', () => store.openMultipart(key, UPLOAD_TYPE));
  if (isCheck(upload)) {
    yield upload;
    return;
  }
  const { url } = await store.presignPart(key, upload, 1, PART_BYTES, URL_TTL_SECONDS);
  yield* putChecks(url);
  yield* corsChecks(url, corsOrigins, new Uint8Array(PART_BYTES));

  const parts = await attempt('s3:ListMultipartUploadParts', () => store.listParts(key, upload));
  if (isCheck(parts)) yield parts;
  else if (parts?.[0]?.sizeBytes !== PART_BYTES) {
    yield fail('rights', 'the part that was sent is not listed', 'the store must list parts at once');
    return;
  } else {
    const completed = await attempt('s3:PutObject', () => store.completeMultipart(key, upload, parts));
    if (isCheck(completed)) yield completed;
    else yield* objectChecks(store, key, attempt);
  }
  const other = await attempt('s3:PutObject', () => store.openMultipart(key, UPLOAD_TYPE));
  if (isCheck(other)) yield other;
  else {
    for (const [permission, act] of [
      ['s3:ListBucketMultipartUploads', () => store.abortUploadsOf(key)],
      ['s3:AbortMultipartUpload', () => store.abortMultipart(key, other)],
    ] as const) {
      const ended = await attempt(permission, act);
      if (isCheck(ended)) yield ended;
    }
  }
  const deleted = await attempt('s3:DeleteObject', () => store.delete(key));
  if (isCheck(deleted)) yield deleted;
  yield ok('rights', rights.join(', '));
}

/** The presigned PUT takes exactly the length that was signed, and shows when the store's clock is another. */
async function* putChecks(url: string): Checks {
  const tooLong = await send(url, { method: 'PUT', body: new Uint8Array(PART_BYTES + 1) });
  if (tooLong.fault === undefined && tooLong.status < 400) {
    yield fail(
      'presigned PUT',
      'a body of another length than was signed is accepted',
      'use a store that checks signed headers; with this one quotas can be passed by',
    );
  }
  const put = await send(url, { method: 'PUT', body: new Uint8Array(PART_BYTES) });
  if (put.fault !== undefined || put.status !== 200) {
    yield fail(
      'presigned PUT',
      put.fault ?? `a body of the signed length is answered with ${put.status}`,
      'S3_PUBLIC_ENDPOINT must be the name under which clients reach the store, unchanged by any proxy',
    );
    return;
  }
  yield ok('presigned PUT', 'the signed length is accepted, another one refused');
  yield clockCheck(put.headers.get('Date'));
}

function clockCheck(date: string | null): Check {
  const seconds = Math.round((Date.parse(date ?? '') - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return warn('clock', 'the store does not say what time it is', 'nothing to do');
  const what = `the store is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead'}`;
  if (Math.abs(seconds) < NOTED_CLOCK_SECONDS) return ok('clock', what);
  const mend = 'set the clocks; presigned URLs are refused when they are 15 minutes apart';
  return Math.abs(seconds) < REFUSED_CLOCK_SECONDS ? warn('clock', what, mend) : fail('clock', what, mend);
}

async function* objectChecks(
  store: Store,
  key: string,
  attempt: <T>(permission: string, act: () => Promise<T>) => Promise<T | Check>,
): Checks {
  const found = await attempt('s3:GetObject', () => store.head(key));
  if (isCheck(found) || found === undefined) {
    yield found ??
      fail('rights', 'the object is not there after its upload', 'the store must show it at once');
    return;
  }
  const copied = await attempt('s3:PutObject', () => store.copy(key, found.etag, `${key}-copy`));
  if (isCheck(copied)) yield copied;
  const url = await store.presignDownload(
    key,
    { fileName: 'doctor.img', contentType: UPLOAD_TYPE },
    URL_TTL_SECONDS,
  );
  const range = await send(url, { headers: { Range: 'bytes=1-4' } });
  const isRange = range.status === 206 && range.headers.get('Content-Range') === `bytes 1-4/${PART_BYTES}`;
  if (isRange) yield ok('presigned GET', 'a range is answered as a range');
  else {
    yield fail(
      'presigned GET',
      range.fault ?? `a range is answered with ${range.status}`,
      'give the credential s3:GetObject; let no proxy in front of the store drop the Range header',
    );
  }
}

/** Takes away what may be there; says what could not be. */
async function* cleanUp(store: Store, keys: readonly string[]): Checks {
  for (const key of keys) {
    try {
      await store.abortUploadsOf(key);
      await store.delete(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      yield warn(
        'clean-up',
        `${key}: ${error.message}`,
        'remove what is under doctor/ in the bucket by hand',
      );
    }
  }
}

function isCheck(answer: unknown): answer is Check {
  return typeof answer === 'object' && answer !== null && 'outcome' in answer;
}
