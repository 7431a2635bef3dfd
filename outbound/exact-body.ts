import { FetchFailed, within } from './outbound.ts';

/** Without a buffer of ours workerd reads 4 KiB at a time, which takes four times the CPU. */
const READ_BYTES = 256 * 1024;

export interface ExactBody {
  /** The bytes as they come; errors when the host is at fault. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Why it errored: whoever reads the stream for us may tell it in words of its own. */
  fault(): FetchFailed | undefined;
}

export interface ExactBodyOptions {
  /** Of whom it is, for failures. */
  readonly origin: string;
  readonly sizeBytes: number;
  readonly stallMs: number;
  /** The one with which the answer was got. */
  readonly signal: AbortSignal;
}

/**
 * The body of an answer that has to be exactly `sizeBytes` long. Nothing is kept back or read ahead.
 * It fails as `stalled` when no byte comes for `stallMs` though one is asked for, as `slow` when `signal` ends it
 * while one is, as `short` or `long` for another length, as `unreachable` when the connection breaks.
 */
export function exactBody(
  response: Response,
  { origin, sizeBytes, stallMs, signal }: ExactBodyOptions,
): ExactBody {
  const reader = response.body?.getReader({ mode: 'byob' });
  let fault: FetchFailed | undefined;
  let received = 0;
  const read = async (): Promise<Uint8Array | undefined> => {
    const { done, value } =
      reader === undefined
        ? { done: true, value: undefined }
        : await within(
            stallMs,
            reader.read(new Uint8Array(READ_BYTES)),
            () => new FetchFailed(origin, 'stalled'),
          );
    received += value?.length ?? 0;
    if (received > sizeBytes) throw new FetchFailed(origin, 'long');
    if (done && received < sizeBytes) throw new FetchFailed(origin, 'short');
    return done ? undefined : value;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await read();
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        } catch (error) {
          fault =
            error instanceof FetchFailed
              ? error
              : new FetchFailed(origin, signal.aborted ? 'slow' : 'unreachable');
          // Not awaited: a host that sends nothing does not end either.
          reader?.cancel().catch(() => undefined);
          controller.error(fault);
        }
      },
      cancel: () => reader?.cancel(),
    },
    { highWaterMark: 0 },
  );
  return { stream, fault: () => fault };
}
