import { S3Client } from '@aws-sdk/client-s3';
import { unavailable } from './errors.ts';
import { percentEncoded } from './percent-encoding.ts';

/** Where the store is and who asks. */
export interface StoreSettings {
  /** Address at which this process reaches the store: `https://host[:port]`, without the bucket. */
  readonly endpoint: string;
  /** Address at which clients reach it, when that is another one: presigned URLs point there. */
  readonly publicEndpoint?: string;
  /** Region in the signatures; stores other than R2 check it. */
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Answers come within this time, retries and the whole body included. */
const CALL_TIMEOUT_MS = 60_000;

/** Bytes that move take longer: a copy of 5 GiB takes minutes. Below the five minutes for which a job has its lease. */
export const TRANSFER_TIMEOUT_MS = 240_000;

/** Attempts of a call: jobs are repeated as a whole, so a call only bridges a moment. */
const MAX_ATTEMPTS = 3;

export interface CallOptions {
  readonly abortSignal: AbortSignal;
}

/** One bucket of one store. */
export interface Connection {
  readonly bucket: string;
  /** Credential, region and hash, with which requests are signed that clients send. */
  readonly config: S3Client['config'];
  /** Requests sent so far, each attempt counted. */
  readonly requestCount: number;
  /** Runs one call, until `ends`: after a minute unless given. Whatever it throws becomes a StoreUnavailable. */
  call<Answer>(
    operation: string,
    request: (client: S3Client, options: CallOptions) => Promise<Answer>,
    ends?: AbortSignal,
  ): Promise<Answer>;
  /** Runs a request that is sent past the SDK, and counts it. */
  send<Answer>(request: () => Promise<Answer>): Promise<Answer>;
}

/** The S3 client of every call. */
export function s3Client({ endpoint, region, accessKeyId, secretAccessKey }: StoreSettings): S3Client {
  const folder = endpoint.replace(/\/$/, '');
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: MAX_ATTEMPTS,
    // Stores other than S3 often refuse these headers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // One store at one address, signed for in one way: the SDK's rules for all addresses of S3, and its streams of
    // events, are never asked, and the Worker is deployed without them (`dev/left-out.ts`).
    endpointProvider: ({ Bucket = '' }) => ({
      url: new URL(`${folder}/${percentEncoded(Bucket)}`),
      properties: {
        authSchemes: [
          {
            name: 'sigv4',
            signingName: 's3',
            signingRegion: region,
            disableDoubleEncoding: true,
            properties: {},
          },
        ],
      },
    }),
    httpAuthSchemeProvider: () => [
      {
        schemeId: 'aws.auth#sigv4',
        signingProperties: { name: 's3', region },
        propertiesExtractor: (config, context) => ({ signingProperties: { config, context } }),
      },
    ],
    eventStreamSerdeProvider: () => ({ serialize: noEvents, deserialize: noEvents }),
  });
}

function noEvents(): never {
  throw new Error('no call of the store is a stream of events');
}

export function connect(settings: StoreSettings): Connection {
  const client = s3Client(settings);
  let requestCount = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      requestCount += 1;
      try {
        return await next(args);
      } catch (error) {
        // Nothing answered. The SDK knows a lost connection by Node's and browsers' words only, not by workerd's.
        if (error instanceof Error) Object.assign(error, { $retryable: {} });
        throw error;
      }
    },
    { step: 'deserialize', name: 'countRequests', priority: 'low' },
  );
  return {
    bucket: settings.bucket,
    config: client.config,
    get requestCount() {
      return requestCount;
    },
    send(request) {
      requestCount += 1;
      return request();
    },
    async call(operation, request, ends = AbortSignal.timeout(CALL_TIMEOUT_MS)) {
      try {
        return await request(client, { abortSignal: ends });
      } catch (error) {
        throw unavailable(operation, error);
      }
    },
  };
}

/** Stores quote ETags, some answers leave the quotes out: they are kept and compared without. */
export function unquotedEtag(etag: string): string {
  return etag.replace(/^(?:W\/)?"?/, '').replace(/"$/, '');
}
