import type { z } from 'zod';
import {
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetail,
  type FieldViolation,
  invalidFields,
  type RegistryError,
} from '../../core/errors.ts';
import { snakeCase } from '../../schema/wire/json.ts';

const TYPE = 'type.googleapis.com/';

/** A detail names its type. */
export interface TypedDetail {
  readonly '@type': string;
  readonly [member: string]: unknown;
}

/** One detail of an error as the dialect has it. */
function detail(given: ErrorDetail): TypedDetail {
  switch (given.kind) {
    case 'fields':
      return { '@type': `${TYPE}google.rpc.BadRequest`, fieldViolations: given.violations };
    case 'quotas':
      return {
        '@type': `${TYPE}yandex.cloud.quota.QuotaFailure`,
        violations: given.violations.map(({ quotaId, limit, usage, required }) => ({
          metric: { name: quotaId, limit: String(limit), usage },
          required: String(required),
        })),
      };
    case 'precondition':
      return {
        '@type': `${TYPE}google.rpc.PreconditionFailure`,
        violations: [{ type: given.type, subject: given.subject, description: given.description }],
      };
    case 'resource':
      return {
        '@type': `${TYPE}google.rpc.ResourceInfo`,
        resourceType: given.resourceType,
        resourceName: given.resourceName,
        description: given.description,
      };
    case 'retry':
      return { '@type': `${TYPE}google.rpc.RetryInfo`, retryDelay: `${given.afterSeconds}s` };
    case 'inspection':
      return { '@type': `${TYPE}bullion.v1.Inspection`, ...given.report };
  }
}

/** The body of a refusal (google.rpc.Status), with the id of the request among its details. */
export function errorBody(
  error: Pick<RegistryError, 'code' | 'message' | 'details'>,
  requestId: string | undefined,
): { code: number; message: string; details: TypedDetail[] } {
  const details = error.details.map(detail);
  if (requestId !== undefined) details.push({ '@type': `${TYPE}google.rpc.RequestInfo`, requestId });
  return { code: ERROR_CODES[error.code].number, message: error.message, details };
}

export function httpStatus(code: ErrorCode): number {
  return ERROR_CODES[code].status;
}

/** What a wire shape refused, as INVALID_ARGUMENT naming every field in its snake_case path. */
export function invalidRequest(error: z.ZodError): RegistryError {
  return invalidFields(error.issues.flatMap(violations));
}

function violations(issue: z.core.$ZodIssue): FieldViolation[] {
  const field = fieldPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: key, description: 'unknown parameter' }));
  }
  return [{ field: field === '' ? 'body' : field, description: issue.message }];
}

/** `['labels', 'Key']` → `labels[Key]`, `['parts', 0, 'partNumber']` → `parts[0].part_number`. */
function fieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const [index, step] of path.entries()) {
    if (typeof step === 'number' || (index === 1 && path[0] === 'labels')) text += `[${String(step)}]`;
    else text += `${text === '' ? '' : '.'}${snakeCase(String(step))}`;
  }
  return text;
}
