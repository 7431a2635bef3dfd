import type { z } from 'zod';
import { Database } from '../db/client.ts';
import type { InspectOptions } from '../inspect/inspect.ts';
import type { RangeReader } from '../inspect/readers/range-reader.ts';
import type { Report } from '../inspect/report.ts';
import { type Fetch, type Outbound, openOutbound } from '../outbound/outbound.ts';
import type { Context, Jobs } from '../registry/context.ts';
import { storeOrigins, type WorkerSettings, workerSettings } from '../schema/settings.ts';
import { openStore } from '../storage/store.ts';
import { imageShape } from './http/compute/image-shape.ts';
import type Inspection from './inspection.ts';
import { log } from './log.ts';
import { VERSION } from './version.ts';

/** What the platform hands to the Worker; the settings are further text members, read by `readSettings`. */
export interface Bindings {
  readonly DB: D1Database;
  readonly JOBS: Queue<JobMessage>;
  /** The Worker that inspects images; the platform carries its calls of `read` back to here. */
  readonly INSPECTION: Pick<Inspection, 'inspect'>;
  /** The files of the page `/docs`. */
  readonly ASSETS: Fetcher;
  /** Reaches public addresses only. Absent when deployed, where the platform itself reaches no others. */
  readonly PUBLIC_INTERNET?: Fetcher;
}

/** A message is a hint: the row of the job is what counts. */
export interface JobMessage {
  readonly jobId: string;
}

/** A setting is missing or malformed; the message names it, never its value. */
export class BadSettings extends Error {
  override readonly name = 'BadSettings';
}

const read = new WeakMap<object, WorkerSettings>();

/** The settings, read once for each set of bindings. Throws `BadSettings`. */
export function readSettings(bindings: Bindings): WorkerSettings {
  const known = read.get(bindings);
  if (known !== undefined) return known;
  const parsed = workerSettings.safeParse(bindings);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }: z.core.$ZodIssue) => `${path.join('.')}: ${message}`,
    );
    throw new BadSettings(faults.join('; '));
  }
  read.set(bindings, parsed.data);
  return parsed.data;
}

/** Wires one invocation: its own database and store, so that what each cost is known at its end. */
export function openContext(
  bindings: Bindings,
  execution: Pick<ExecutionContext, 'waitUntil'>,
  requestId: string,
): Context {
  const settings = readSettings(bindings);
  return {
    db: new Database(bindings.DB),
    store: openStore({
      endpoint: settings.S3_ENDPOINT,
      ...(settings.S3_PUBLIC_ENDPOINT === undefined ? {} : { publicEndpoint: settings.S3_PUBLIC_ENDPOINT }),
      region: settings.S3_REGION,
      bucket: settings.S3_BUCKET,
      accessKeyId: settings.S3_ACCESS_KEY_ID,
      secretAccessKey: settings.S3_SECRET_ACCESS_KEY,
    }),
    outbound: outboundOf(bindings, settings),
    inspect: (source, options) => inspectBy(bindings.INSPECTION, source, options),
    showImage: imageShape,
    jobs: openJobs(bindings, requestId),
    settings,
    now: () => Date.now(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    requestId,
    afterwards: (work) =>
      execution.waitUntil(
        work.catch((error: unknown) => log('warn', { event: 'afterwards', requestId, error: String(error) })),
      ),
  };
}

function openJobs({ JOBS }: Bindings, requestId: string): Jobs {
  let sent = 0;
  return {
    get sent() {
      return sent;
    },
    async send(jobId, delaySeconds = 0) {
      sent += 1;
      try {
        await JOBS.send({ jobId }, { delaySeconds });
      } catch (error) {
        // The row stands, and the scheduled function sends it again.
        log('warn', { event: 'message not sent', jobId, requestId, error: String(error) });
      }
    },
  };
}

/** What fails in the source is thrown as it was: between Workers an error keeps little more than its message. */
async function inspectBy(
  worker: Bindings['INSPECTION'],
  source: RangeReader,
  options: InspectOptions,
): Promise<Report> {
  let failure: { readonly cause: unknown } | undefined;
  const read: RangeReader['read'] = async (offset, length) => {
    try {
      return await source.read(offset, length);
    } catch (cause) {
      failure ??= { cause };
      throw cause;
    }
  };
  try {
    return await worker.inspect(source.size, read, options);
  } catch (error) {
    throw failure === undefined ? error : failure.cause;
  }
}

/** The object store is trusted as the settings name it; presigned links to it are links like any other. */
function outboundOf({ PUBLIC_INTERNET }: Bindings, settings: WorkerSettings): Outbound {
  const direct: Fetch = (url, init) => fetch(url, init);
  return openOutbound({
    userAgent: `Bullion/${VERSION}`,
    storeOrigins: storeOrigins(settings),
    trustedOrigins: settings.BULLION_TRUSTED_ORIGINS,
    direct,
    reachPublic: PUBLIC_INTERNET === undefined ? direct : (url, init) => PUBLIC_INTERNET.fetch(url, init),
  });
}
