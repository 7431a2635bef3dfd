/**
 * The one error type. A rule or a verb throws a `RegistryError`; each door writes it in its own dialect.
 * `message` and `details` are public. The cause of an unexpected failure is never part of them: it is logged.
 */

/** Every way in which a call can fail, with the canonical number (google.rpc.Code) and the HTTP status that doors use. */
export const ERROR_CODES = {
  CANCELLED: { number: 1, status: 499, meaning: 'The operation was cancelled by its caller.' },
  INVALID_ARGUMENT: { number: 3, status: 400, meaning: 'A field of the request breaks a rule.' },
  DEADLINE_EXCEEDED: { number: 4, status: 504, meaning: 'The time that was given for this is over.' },
  NOT_FOUND: { number: 5, status: 404, meaning: 'There is no such thing, or the caller may not see it.' },
  ALREADY_EXISTS: { number: 6, status: 409, meaning: 'What was to be made exists already.' },
  PERMISSION_DENIED: { number: 7, status: 403, meaning: 'The caller may see this, but not do that.' },
  RESOURCE_EXHAUSTED: { number: 8, status: 429, meaning: 'A quota or a limit is reached.' },
  FAILED_PRECONDITION: { number: 9, status: 400, meaning: 'The resource is in a state that forbids this.' },
  ABORTED: { number: 10, status: 409, meaning: 'Another change came in between.' },
  STALE: { number: 9, status: 412, meaning: 'If-Match names a version that is no longer the current one.' },
  BODY_TOO_LARGE: { number: 3, status: 413, meaning: 'The request body is longer than what is read.' },
  METHOD_NOT_ALLOWED: { number: 12, status: 405, meaning: 'The path exists, but not with this method.' },
  INTERNAL: { number: 13, status: 500, meaning: 'A fault of the registry itself.' },
  UNAVAILABLE: { number: 14, status: 503, meaning: 'A part of the registry does not answer; try again.' },
  DATA_LOSS: { number: 15, status: 500, meaning: 'Stored bytes are no longer what was stored.' },
  UNAUTHENTICATED: { number: 16, status: 401, meaning: 'No credential, or one that is not valid.' },
} as const satisfies Record<string, { number: number; status: number; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One field that broke a rule: `field` in the snake_case path of the wire contract, `description` the rule. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** One quota that would be passed; `required` is the limit that the call would need. */
export interface QuotaViolation {
  readonly quotaId: string;
  readonly limit: number;
  readonly usage: number;
  readonly required: number;
}

/** Machine-readable parts of an error; each kind becomes one typed detail of the dialect. */
export type ErrorDetail =
  | { readonly kind: 'fields'; readonly violations: readonly FieldViolation[] }
  | { readonly kind: 'quotas'; readonly violations: readonly QuotaViolation[] }
  | {
      readonly kind: 'precondition';
      readonly type: string;
      readonly subject: string;
      readonly description: string;
    }
  | {
      readonly kind: 'resource';
      readonly resourceType: string;
      readonly resourceName: string;
      readonly description: string;
    }
  | { readonly kind: 'retry'; readonly afterSeconds: number }
  /** The whole report of an inspection that refused; plain JSON. */
  | { readonly kind: 'inspection'; readonly report: Readonly<Record<string, unknown>> };

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];

  constructor(code: ErrorCode, message: string, details: readonly ErrorDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** `min_disk_size` → `MinDiskSize`: how the contract's messages name a field. */
export function fieldTitle(field: string): string {
  return field
    .split('.')
    .map((part) => part.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
    .join('.');
}

/**
 * A request that breaks the rules of its fields.
 * in: at least one violation, fields in snake_case. out: INVALID_ARGUMENT naming the first field and carrying all.
 */
export function invalidFields(violations: readonly FieldViolation[]): RegistryError {
  const text = violations
    .map(({ field, description }) => `${fieldTitle(field.replace(/\[.*$/, ''))}: ${description}`)
    .join('; ');
  return new RegistryError('INVALID_ARGUMENT', `Request validation error: ${text}`, [
    { kind: 'fields', violations },
  ]);
}

/** One field that breaks a rule; see `invalidFields`. */
export function invalidField(field: string, description: string): RegistryError {
  return invalidFields([{ field, description }]);
}

/** `Image "fd8…" not found`: the same words whether it does not exist or may not be seen. */
export function notFound(kind: string, name: string, details: readonly ErrorDetail[] = []): RegistryError {
  return new RegistryError('NOT_FOUND', `${kind} "${name}" not found`, details);
}

/** `Permission denied to folder b1g…`, with the permission that is missing when the resource itself may be seen. */
export function permissionDenied(kind: string, id: string, permission?: string): RegistryError {
  const missing = permission === undefined ? '' : `: ${permission} is needed`;
  return new RegistryError('PERMISSION_DENIED', `Permission denied to ${kind} ${id}${missing}`);
}

export function failedPrecondition(subject: string, type: string, description: string): RegistryError {
  return new RegistryError('FAILED_PRECONDITION', description, [
    { kind: 'precondition', type, subject, description },
  ]);
}
