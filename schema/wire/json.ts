import * as z from '../zod.ts';

/**
 * The JSON form of the contract's messages (proto3 JSON): names in lowerCamelCase or snake_case, 64-bit integers
 * as strings or numbers, enumerations by name or number, null as absent, unknown members ignored.
 */

type Shape = Readonly<Record<string, z.ZodType>>;

/** `minDiskSize` → `min_disk_size`: the original's spelling of a field, as error details name it. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The members of `raw` that `shape` knows, under their camelCase names; null counts as absent. */
function knownMembers(raw: unknown, shape: Shape): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const members = raw as Record<string, unknown>;
  const known: Record<string, unknown> = {};
  for (const name of Object.keys(shape)) {
    for (const spelling of [snakeCase(name), name]) {
      if (!Object.hasOwn(members, spelling)) continue;
      const value = members[spelling];
      if (value !== null && value !== undefined) known[name] = value;
    }
  }
  return known;
}

/** The reason for which a value of the wrong type is refused, or none at all. */
export function requiredOr(expected: string) {
  return (issue: { readonly input?: unknown }) =>
    issue.input === undefined ? 'is required' : `expected ${expected}`;
}

/** A message of a request body: what it does not name is ignored, at every level. */
export function message<T extends Shape>(shape: T) {
  return z.preprocess((raw) => knownMembers(raw, shape), z.object(shape, { error: requiredOr('an object') }));
}

/**
 * The query of a GET: the last of repeated values counts, an unknown parameter is an error. What comes out is what
 * the object has; it is typed as that object, because the routes' types know no preprocessing of a query.
 */
export function query<T extends Shape>(shape: T) {
  const lastValues = (raw: unknown) => {
    const given = raw as Record<string, string | string[]>;
    const values: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
      const camel = Object.keys(shape).find((known) => known === name || snakeCase(known) === name);
      values[camel ?? name] = Array.isArray(value) ? value.at(-1) : value;
    }
    return values;
  };
  const object = z.strictObject(shape);
  return z.preprocess(lastValues, object) as unknown as typeof object;
}

const INT64_MAX = 2n ** 63n - 1n;

/**
 * A 64-bit integer within `min`..`max`, given as a decimal string or a whole number; out comes a number. All of the
 * contract's values lie below 2^53, so nothing is lost; what does not is refused as outside its range.
 */
export function int64(min: number, max: number) {
  return z
    .union([z.string(), z.number()], {
      error: requiredOr('an integer, as a number or a decimal string'),
    })
    .transform((given, context) => {
      const problem = (text: string) => {
        context.addIssue({ code: 'custom', message: text });
        return z.NEVER;
      };
      if (!/^-?\d{1,30}$/.test(typeof given === 'number' ? integerText(given) : given)) {
        return problem('expected an integer, as a number or a decimal string');
      }
      const value = BigInt(given);
      if (value > INT64_MAX || value < -INT64_MAX - 1n) return problem('does not fit in 64 bits');
      if (value < BigInt(min) || value > BigInt(max)) return problem(`must be in the range ${min}..${max}`);
      return Number(value);
    })
    .openapi({ type: 'string', format: 'int64', minimum: min, maximum: max });
}

function integerText(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : 'fraction';
}

/** A 64-bit integer of which 0 means "not given". */
export function optionalInt64(min: number, max: number) {
  return int64(0, max)
    .superRefine((value, context) => {
      if (value !== 0 && value < min) {
        context.addIssue({
          code: 'custom',
          message: `must be in the range ${min}..${max}, or 0 for not given`,
        });
      }
    })
    .transform((value) => (value === 0 ? undefined : value))
    .optional();
}

/** true or false, also as strings. */
export function bool() {
  return z
    .preprocess(
      (given) => (given === 'true' ? true : given === 'false' ? false : given),
      z.boolean({ error: 'expected true or false' }),
    )
    .openapi({ type: 'boolean' });
}

/** An enumeration given by name or by number; the first name stands for 0 and means "not given". */
export function enumeration<const T extends readonly [string, ...string[]]>(names: T) {
  return z
    .preprocess(
      (given) => (typeof given === 'number' ? (names[given] ?? given) : given),
      z.enum(names, { error: `expected one of ${names.join(', ')}` }),
    )
    .openapi({ type: 'string', enum: [...names] });
}

/** A text judged by a rule of `core/names.ts`: the rule answers with the reason when it refuses. */
export function ruled(rule: (value: string) => string | undefined) {
  return z.string({ error: requiredOr('a string') }).superRefine((value, context) => {
    const reason = rule(value);
    if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
  });
}

/** A required text of 1..`max` characters, such as an id. */
export function requiredText(max: number) {
  return z
    .string({ error: requiredOr('a string') })
    .min(1, 'is required')
    .max(max, `must be at most ${max} characters long`);
}

/** An optional text of up to `max` characters. */
export function optionalText(max: number) {
  return z
    .string({ error: 'expected a string' })
    .max(max, `must be at most ${max} characters long`)
    .optional();
}

/** A 64-bit integer in an answer. */
export const int64Text = z.string().openapi({ format: 'int64', example: '4194304' });

/** RFC 3339 in UTC. */
export const timestamp = z.string().openapi({ format: 'date-time', example: '2026-04-01T07:13:41.123Z' });

/** A value of any type, named by `@type`. */
export const any = z
  .looseObject({
    '@type': z.string().openapi({ example: 'type.googleapis.com/yandex.cloud.compute.v1.Image' }),
  })
  .openapi('Any');

/** Paging of a list: 0 or nothing means 100. */
export const pageSize = z
  .string()
  .regex(/^\d{1,10}$/, 'expected a whole number')
  .transform(Number)
  .superRefine((value, context) => {
    if (value > 1000) context.addIssue({ code: 'custom', message: 'must be at most 1000' });
  })
  .transform((value) => (value === 0 ? 100 : value))
  .default(100)
  .openapi({ type: 'integer', minimum: 0, maximum: 1000, default: 100 });

export const pageToken = optionalText(100).openapi({ description: 'nextPageToken of the page before' });
export const nextPageToken = z.string().optional();
