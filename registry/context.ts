import { ID_RANDOM_BYTES, type IdKind, makeId } from '../core/ids.ts';
import type { Credential } from '../db/callers.ts';
import type { Database } from '../db/client.ts';
import type { InspectOptions } from '../inspect/inspect.ts';
import type { RangeReader } from '../inspect/readers/range-reader.ts';
import type { Report } from '../inspect/report.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { WorkerSettings } from '../schema/settings.ts';
import type { Store } from '../storage/store.ts';
import type { Image } from './images/view.ts';

export type { Credential } from '../db/callers.ts';

/** The queue, as a verb sees it: a message is a hint that carries a job's id. */
export interface Jobs {
  /** Messages sent so far. */
  readonly sent: number;
  /** Sends a job's id, to arrive after `delaySeconds` at the earliest. A failure to send is no failure of the verb. */
  send(jobId: string, delaySeconds?: number): Promise<void>;
}

/** What every verb works with. Clock and random bytes come in, so that a test can hold them still. */
export interface Context {
  readonly db: Database;
  readonly store: Store;
  /** Requests to hosts that users name. */
  readonly outbound: Outbound;
  readonly jobs: Jobs;
  /** What an image is found to be. Rejects with the error of `source`, or when whoever inspects is not there. */
  inspect(source: RangeReader, options: InspectOptions): Promise<Report>;
  readonly settings: WorkerSettings;
  /** An image as the API shows it, for those who are told of it. */
  showImage(image: Image): Readonly<Record<string, unknown>>;
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after so many milliseconds. */
  pause(ms: number): Promise<void>;
  randomBytes(length: number): Uint8Array;
  /** The id of the request, job or tick, for rows and logs. */
  readonly requestId: string;
  /** Work that may go on after the answer, such as noting when a key was last used. */
  afterwards(work: Promise<unknown>): void;
}

/** A key under which a caller may repeat a request; `fingerprint` is the SHA-256 of method, path and body. */
export interface IdempotencyKey {
  readonly key: string;
  readonly fingerprint: string;
}

/** A context in which somebody asks for something. */
export interface CallerContext extends Context {
  /** Absent when the request carried none that could be read. */
  readonly credential: Credential | undefined;
  readonly idempotencyKey: IdempotencyKey | undefined;
  /** Tells the door who the caller turned out to be, for its log line. */
  identified(callerId: string): void;
}

/** A new id of this kind. */
export function newId(context: Context, kind: IdKind): string {
  return makeId(kind, context.randomBytes(ID_RANDOM_BYTES));
}
