/** A registry of its own for one measurement, and what its Worker says that each step cost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Local, type LocalOptions, startLocal } from '../dev/local.ts';
import type { Cost } from '../functions/cost.ts';

const DAY_SECONDS = 86_400;
/** The longest that an operation is asked to wait in one request. */
const WAIT_SECONDS = 30;
const OPERATION_TIMEOUT_MS = 20 * 60_000;
const LINE_TIMEOUT_MS = 60_000;
const LINE_PAUSE_MS = 5;

/** A line of the Worker's log: one for each request, run of a job, and duty that did something. */
export interface Line extends Cost {
  readonly event: string;
  readonly requestId?: string;
  readonly route?: string;
  readonly method?: string;
  readonly kind?: string;
  readonly operationId?: string;
  readonly duty?: string;
  readonly done?: number;
  readonly outcome?: string;
  readonly error?: unknown;
}

export interface Operation {
  readonly id: string;
  readonly done: boolean;
  readonly metadata: {
    readonly imageId: string;
    readonly diskId: string;
    readonly snapshotId: string;
    readonly upload?: { readonly partCount: number };
  };
  readonly error?: { readonly message: string };
}

export interface BenchRegistry {
  readonly local: Local;
  /** What was logged so far, in order. */
  readonly lines: Line[];
  /** Bytes of the bodies of all calls and of their answers. */
  readonly exchanged: { sentBytes: number; receivedBytes: number };
  /** The JSON of an answer; throws unless it is a success. */
  call<Answer = Operation>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Waits for the end of an operation; throws when it failed. */
  ended(operationId: string): Promise<void>;
  /** Waits until a line that fits was logged; what a job did is told only behind what it did. */
  logged(what: string, fits: (line: Line) => boolean): Promise<Line>;
}

/** Starts a registry in a folder of its own, and ends and removes it after `use`. Its clock stands still. */
export async function withRegistry<T>(
  use: (registry: BenchRegistry) => Promise<T>,
  options: Pick<LocalOptions, 'env' | 'workers'> = {},
): Promise<T> {
  const state = mkdtempSync(join(tmpdir(), 'bullion-bench-'));
  const lines: Line[] = [];
  let local: Local | undefined;
  try {
    const log = (line: string) => lines.push(JSON.parse(line));
    local = await startLocal({ ...options, state, port: 0, s3Port: 0, sweepSeconds: DAY_SECONDS, log });
    return await use(opened(local, lines));
  } finally {
    await local?.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

function opened(local: Local, lines: Line[]): BenchRegistry {
  const headers = { Authorization: `Api-Key ${local.adminKey()}`, Accept: 'application/json' };
  const registry: BenchRegistry = {
    local,
    lines,
    exchanged: { sentBytes: 0, receivedBytes: 0 },
    async call<Answer>(method: string, path: string, body?: unknown) {
      const sent = body === undefined ? '' : JSON.stringify(body);
      const init = { method, headers, ...(sent === '' ? {} : { body: sent }) };
      const answer = await fetch(`${local.url}${path}`, init);
      const text = await answer.text();
      registry.exchanged.sentBytes += Buffer.byteLength(sent);
      registry.exchanged.receivedBytes += Buffer.byteLength(text);
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as Answer;
    },
    async ended(operationId) {
      const end = performance.now() + OPERATION_TIMEOUT_MS;
      for (;;) {
        const { done, error } = await registry.call(
          'GET',
          `/operations/${operationId}?wait=${WAIT_SECONDS}s`,
        );
        if (error !== undefined) throw new Error(`Operation ${operationId} ended with: ${error.message}`);
        if (done) return;
        if (performance.now() > end)
          throw new Error(`Operation ${operationId} is not done after ${OPERATION_TIMEOUT_MS} ms`);
      }
    },
    async logged(what, fits) {
      const end = performance.now() + LINE_TIMEOUT_MS;
      for (;;) {
        const line = lines.find(fits);
        if (line !== undefined) return line;
        if (performance.now() > end) throw new Error(`${what} was not logged in ${LINE_TIMEOUT_MS} ms`);
        await setTimeout(LINE_PAUSE_MS);
      }
    },
  };
  return registry;
}
