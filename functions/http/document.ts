/**
 * The document of the API, OpenAPI 3.1 in JSON, from the routes as they are declared. Not a part of the Worker: it is
 * made once, beside the Worker's bundle, and served as it is.
 */
// The first import, because shapes keep what is said of them only from here on.
import { OpenAPIHono } from '@hono/zod-openapi';
import { fieldDescription } from '../../schema/wire/fields.ts';
import { VERSION } from '../version.ts';
import { contractPath } from './custom-methods.ts';
import { createRegistryApp } from './routes.ts';
import { TAGS } from './tags.ts';

const ABOUT = `A registry of virtual-machine disk images.

Sizes are texts of decimal digits, times are RFC 3339 in UTC, and what is empty, false or 0 is left out of an answer.
Every change answers with an Operation. Every refusal has the body \`Status\`.`;

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']> & { paths: object };
/** As much of a schema as is looked at here. */
interface Schema {
  description?: string;
  $ref?: string;
  properties?: Record<string, Schema>;
}

/** The document, with the contract's paths. */
export function apiDocument(): Document {
  const described = new OpenAPIHono();
  const { openAPIRegistry } = described;
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES)) {
    openAPIRegistry.registerComponent('securitySchemes', name, scheme);
  }
  for (const [name, header] of Object.entries(HEADERS)) {
    openAPIRegistry.registerComponent('parameters', name, header);
  }
  for (const route of createRegistryApp().declared) openAPIRegistry.registerPath(route);
  const document = described.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Bullion',
      version: VERSION,
      description: ABOUT,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    // Whatever name the registry is reached under, the document is read there.
    servers: [{ url: '/', description: 'This registry' }],
    tags: Object.entries(TAGS).map(([name, about]) => ({ name, description: about })),
  });
  const paths = Object.entries(document.paths ?? {}).map(([inner, item]) => {
    const path = contractPath(inner);
    for (const [method, operation] of Object.entries(item)) addHeaders(operation, method, path);
    return [path, item];
  });
  const whole: Document = { ...document, paths: Object.fromEntries(paths) };
  describeFields(whole.components?.schemas ?? {}, 'schemas');
  describeFields(whole.paths ?? {}, 'paths');
  return whole;
}

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The whole header: `Api-Key <key>`',
  },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The key alone, for tools that know only `Bearer`; or an IAM token, or a token of an issuer that a federation trusts',
  },
} as const;

/** Headers that every route of its kind takes: middleware and verbs read them, no shape of a route names them. */
const HEADERS = {
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'A UUID: the same request under the same key within 24 hours is done once',
    schema: { type: 'string', format: 'uuid' },
  },
  ifMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'Entity tags: the change is refused when the resource has none of them any more',
    schema: { type: 'string' },
  },
} as const;

function addHeaders(operation: { parameters?: object[] }, method: string, path: string): void {
  const changesOne = ['patch', 'delete'].includes(method) && path.endsWith('}');
  const names: (keyof typeof HEADERS)[] = [
    ...(method === 'get' ? [] : (['idempotencyKey'] as const)),
    ...(changesOne ? (['ifMatch'] as const) : []),
  ];
  if (names.length === 0) return;
  const references = names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...references];
}

/** Gives every parameter and every property that its shape leaves undescribed the description of its name. */
function describeFields(part: unknown, owner: string): void {
  if (typeof part !== 'object' || part === null) return;
  const { in: place, name: parameter, properties } = part as Schema & { in?: string; name?: string };
  if (place !== undefined && parameter !== undefined) addDescription(part, owner, parameter);
  for (const [name, property] of Object.entries(properties ?? {})) addDescription(property, owner, name);
  for (const [name, below] of Object.entries(part)) {
    if (name === 'example' || name === 'examples') continue;
    describeFields(below, STRUCTURE.has(name) || Array.isArray(part) ? owner : name);
  }
}

/** Members of the document that are not names of fields or messages. */
const STRUCTURE: ReadonlySet<string> = new Set([
  'properties',
  'items',
  'schema',
  'parameters',
  'allOf',
  'anyOf',
]);

function addDescription(field: Schema, owner: string, name: string): void {
  if (field.description !== undefined) return;
  const known = fieldDescription(owner, name);
  if (known !== undefined) field.description = known;
}
