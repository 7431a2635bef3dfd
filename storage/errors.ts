/**
 * The object store does not do what was asked: it is down, refuses the credentials, or answers what S3 does not
 * allow. Whether a write took place is unknown. Trying later is right; what a caller tells others is only that
 * storage is unavailable.
 *
 * The message names the operation, the status and the store's code. It never holds a URL, a header or a signature:
 * errors are logged, and an S3 error of the SDK carries the whole signed request, so none is kept as `cause`.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly operation: string;
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined;
  /** The store's error code, or the name of the failure when nothing answered. */
  readonly code: string;

  constructor(operation: string, status: number | undefined, code: string, explanation = '') {
    const answer = status === undefined ? code : `${status} ${code}`;
    super(`Object store, ${operation}: ${answer}${explanation && ` (${explanation})`}`);
    this.operation = operation;
    this.status = status;
    this.code = code;
  }
}

/** The object is gone or is no longer the one whose ETag was recorded: what was read from it before is void. */
export class ObjectChanged extends Error {
  override readonly name = 'ObjectChanged';
  readonly key: string;

  constructor(key: string) {
    super(`The object ${key} is gone or is not the one that was recorded`);
    this.key = key;
  }
}

/**
 * Whether a call failed with this status and one of these codes. Stores agree on neither code nor message alone:
 * an unknown upload is NoSuchUpload to one and NoSuchKey to another.
 */
export function refusedWith(error: unknown, status: number, codes: ReadonlySet<string>): boolean {
  return error instanceof StoreUnavailable && error.status === status && codes.has(error.code);
}

/**
 * Turns whatever the SDK threw into a StoreUnavailable that is safe to log.
 * A failure without an HTTP answer keeps its message, with everything behind the origin of a URL removed.
 */
export function unavailable(operation: string, error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  if (!(error instanceof Error)) return new StoreUnavailable(operation, undefined, 'UnknownError');
  const { $metadata, code } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown };
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return new StoreUnavailable(operation, status, error.name);
  const name = typeof code === 'string' ? code : error.name;
  return new StoreUnavailable(operation, undefined, name, withoutUrls(error.message));
}

/** `http://host:1/bucket/key?X-Amz-Signature=…` → `http://host:1/…` */
export function withoutUrls(message: string): string {
  return message.replace(/(https?:\/\/[^\s/?#"']*)[^\s"']*/gi, '$1/…');
}
