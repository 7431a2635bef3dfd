/** As much of JSON Schema as the registry's own document uses. A keyword that is not known here is a fault. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly description?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
}

const KEYWORDS: ReadonlySet<string> = new Set([
  ...['$ref', 'type', 'properties', 'required', 'items', 'additionalProperties', 'enum', 'const', 'anyOf'],
  ...['allOf', 'example', 'examples', 'description', 'format', 'default', 'pattern', 'propertyNames'],
  ...['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems'],
]);

const TYPES: readonly string[] = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'];

/** What a text of each format is. `int32` is said of numbers. */
const FORMATS: Readonly<Record<string, RegExp | undefined>> = {
  int64: /^-?\d{1,19}$/,
  int32: undefined,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
};

export type Definitions = Readonly<Record<string, Schema>>;

const PREFIX = '#/components/schemas/';

/** Sentences about where a value differs from its schema; members that the schema does not name are differences. */
export function faultsOf(value: unknown, schema: Schema, definitions: Definitions, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const target = definitions[schema.$ref.replace(PREFIX, '')];
    return target === undefined
      ? [`${at}: there is no ${schema.$ref}`]
      : faultsOf(value, target, definitions, at);
  }
  const faults = keywordFaults(schema, at);
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) {
    return [`${at}: ${JSON.stringify(value)} is not of the type ${schema.type}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) faults.push(`${at}: ${value} is not listed`);
  if (schema.const !== undefined && schema.const !== value) faults.push(`${at}: is not ${schema.const}`);
  for (const part of schema.allOf ?? []) faults.push(...faultsOf(value, part, definitions, at));
  if (schema.anyOf?.every((choice) => faultsOf(value, choice, definitions, at).length > 0)) {
    faults.push(`${at}: ${JSON.stringify(value)} is none of its choices`);
  }
  if (typeof value === 'string') faults.push(...textFaults(value, schema, at));
  if (typeof value === 'number') faults.push(...rangeFaults(value, schema, at));
  if (Array.isArray(value)) faults.push(...arrayFaults(value, schema, definitions, at));
  if (isOf('object', value)) faults.push(...memberFaults(value as object, schema, definitions, at));
  return faults;
}

function textFaults(value: string, schema: Schema, at: string): string[] {
  const { format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const length = [...value].length;
  const shape = format === undefined ? undefined : FORMATS[format];
  const faults: string[] = [];
  if (length < minLength || length > maxLength) faults.push(`${at}: has ${length} characters`);
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) faults.push(`${at}: is not ${pattern}`);
  if (shape !== undefined && !shape.test(value))
    faults.push(`${at}: ${value} is not of the format ${format}`);
  // The range of a 64-bit integer is said of the number in the text.
  if (format === 'int64') faults.push(...rangeFaults(Number(value), schema, at));
  return faults;
}

function rangeFaults(value: number, { minimum, maximum }: Schema, at: string): string[] {
  const within =
    value >= (minimum ?? Number.NEGATIVE_INFINITY) && value <= (maximum ?? Number.POSITIVE_INFINITY);
  return within ? [] : [`${at}: ${value} is not in ${minimum}..${maximum}`];
}

function arrayFaults(
  value: readonly unknown[],
  { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems }: Schema,
  definitions: Definitions,
  at: string,
): string[] {
  const faults: string[] = [];
  if (value.length < minItems || value.length > maxItems) faults.push(`${at}: has ${value.length} items`);
  if (uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) {
    faults.push(`${at}: has an item twice`);
  }
  if (items === undefined) return faults;
  return [
    ...faults,
    ...value.flatMap((item, index) => faultsOf(item, items, definitions, `${at}[${index}]`)),
  ];
}

function memberFaults(value: object, schema: Schema, definitions: Definitions, at: string): string[] {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema;
  const faults = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `${at}.${name}: is required`);
  for (const [name, member] of Object.entries(value)) {
    if (propertyNames !== undefined)
      faults.push(...faultsOf(name, propertyNames, definitions, `${at} ${name}`));
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (known === true || schema.type === undefined) continue;
    if (known === undefined || known === false) faults.push(`${at}.${name}: the schema does not name it`);
    else faults.push(...faultsOf(member, known, definitions, `${at}.${name}`));
  }
  return faults;
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

/** What a schema itself has that it may not have, without those below it. */
export function keywordFaults(schema: Schema, at: string): string[] {
  const faults = Object.keys(schema)
    .filter((keyword) => !KEYWORDS.has(keyword))
    .map((keyword) => `${at}: the schema has ${keyword}, which is not checked`);
  for (const type of [schema.type ?? []].flat()) {
    if (!TYPES.includes(type)) faults.push(`${at}: ${type} is no type`);
  }
  if (schema.format !== undefined && !Object.hasOwn(FORMATS, schema.format)) {
    faults.push(`${at}: the format ${schema.format} is not checked`);
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(schema.properties ?? {}, name)) faults.push(`${at}: requires ${name}, which it lacks`);
  }
  if (schema.enum?.length === 0 || new Set(schema.enum).size < (schema.enum?.length ?? 0)) {
    faults.push(`${at}: its enum is empty or has a value twice`);
  }
  if (schema.type === 'array' && schema.items === undefined) faults.push(`${at}: does not say of what`);
  return faults;
}

/** A schema with those below it, each with where it stands. What it refers to is not below it. */
export function schemasOf(schema: Schema, at: string): [at: string, schema: Schema][] {
  const { properties = {}, items, additionalProperties, propertyNames, anyOf = [], allOf = [] } = schema;
  const below: [string, Schema | boolean | undefined][] = [
    ...Object.entries(properties).map(([name, one]): [string, Schema] => [`${at}.${name}`, one]),
    [`${at}[]`, items],
    [`${at}{}`, additionalProperties],
    [`${at} names`, propertyNames],
    ...[...anyOf, ...allOf].map((one, index): [string, Schema] => [`${at}(${index})`, one]),
  ];
  return [
    [at, schema],
    ...below.flatMap(([place, one]) => (typeof one === 'object' ? schemasOf(one, place) : [])),
  ];
}
