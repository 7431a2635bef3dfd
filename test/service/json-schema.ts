/** As much of JSON Schema as the registry's own document uses. A keyword that is not known here is a fault. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly example?: unknown;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  ...['$ref', 'type', 'properties', 'required', 'items', 'additionalProperties', 'enum', 'const', 'anyOf'],
  ...['allOf', 'example', 'description', 'format', 'default', 'pattern', 'propertyNames'],
  ...['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems'],
]);

type Definitions = Readonly<Record<string, Schema>>;

/** Sentences about where a value differs from its schema; members that the schema does not name are differences. */
export function faultsOf(value: unknown, schema: Schema, definitions: Definitions, at = '$'): string[] {
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0) return [`${at}: the schema has ${unknown.join(', ')}, which is not checked`];
  if (schema.$ref !== undefined) {
    const target = definitions[schema.$ref.replace('#/components/schemas/', '')];
    return target === undefined
      ? [`${at}: there is no ${schema.$ref}`]
      : faultsOf(value, target, definitions, at);
  }
  const faults: string[] = [];
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) {
    return [`${at}: ${JSON.stringify(value)} is not of the type ${schema.type}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) faults.push(`${at}: ${value} is not listed`);
  if (schema.const !== undefined && schema.const !== value) faults.push(`${at}: is not ${schema.const}`);
  for (const part of schema.allOf ?? []) faults.push(...faultsOf(value, part, definitions, at));
  if (schema.anyOf?.every((choice) => faultsOf(value, choice, definitions, at).length > 0)) {
    faults.push(`${at}: ${JSON.stringify(value)} is none of its choices`);
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries()) {
      faults.push(...faultsOf(item, schema.items, definitions, `${at}[${index}]`));
    }
  }
  if (isOf('object', value)) faults.push(...memberFaults(value as object, schema, definitions, at));
  return faults;
}

function memberFaults(value: object, schema: Schema, definitions: Definitions, at: string): string[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const faults = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `${at}.${name}: is required`);
  for (const [name, member] of Object.entries(value)) {
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

/** Every schema below a part of the document, with where it stands. */
export function schemasIn(part: unknown, at = ''): [string, Schema][] {
  if (typeof part !== 'object' || part === null) return [];
  const below = Object.entries(part).flatMap(([name, value]) =>
    name === 'example' ? [] : schemasIn(value, `${at}/${name}`),
  );
  return 'example' in part ? [[at, part as Schema], ...below] : below;
}
