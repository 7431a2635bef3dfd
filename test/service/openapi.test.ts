/** `GET /openapi.json`: the routes that the Worker serves, as OpenAPI 3.1, each described and with valid examples. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { bundleModule } from '../../dev/worker-bundle.ts';
import { contractPath } from '../../functions/http/custom-methods.ts';
import { operationIdOf } from '../../functions/http/operation-id.ts';
import { TAGS } from '../../functions/http/tags.ts';
import { newCloud, newFolder, newPerson } from './api-tenant.ts';
import { Client } from './client.ts';
import { faultsOf, keywordFaults, type Schema, schemasOf } from './json-schema.ts';
import { registry, temporaryFolder } from './setup/registry.ts';

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly example?: unknown;
}
type Content = Readonly<Record<string, Media>>;
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content?: Content;
        readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>;
      }
    >
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];
const nobody = new Client(registry.url, undefined);
const document = await nobody.get<Document>('/openapi.json');
const stranger = newCloud()
  .then(({ id }) => newFolder(id))
  .then(({ id }) => newPerson(id));
const { components, paths } = document;
const operations = Object.entries(paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
    parameters: (operation.parameters ?? []).map(
      (one) => components.parameters[one.$ref?.replace('#/components/parameters/', '') ?? ''] ?? one,
    ),
  })),
);
const operationCases = operations.map(({ name, ...rest }) => [name, rest] as const);

/** Everything with a schema, and where it stands. */
const places: [at: string, Media][] = [
  ...Object.entries(components.schemas).map(([name, schema]): [string, Media] => [name, { schema }]),
  ...operations.flatMap(({ name, operation, parameters }) => [
    ...parameters.map((one): [string, Media] => [`${name} ${one.name}`, one]),
    ...mediaOf(`${name} body`, operation.requestBody?.content),
    ...Object.entries(operation.responses).flatMap(([status, { content, headers = {} }]) => [
      ...mediaOf(`${name} ${status}`, content),
      ...Object.entries(headers).map(([header, one]): [string, Media] => [`${name} ${header}`, one]),
    ]),
  ]),
];
const schemas = places.flatMap(([at, { schema }]) => schemasOf(schema, at));

function mediaOf(at: string, content: Content = {}): [string, Media][] {
  return Object.entries(content).map(([type, media]) => [`${at} ${type}`, media]);
}

/** The body's example: at the body, or at its schema. */
function exampleOf({ example, schema }: Media): unknown {
  const target = schema.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1)!];
  return example ?? target?.example;
}

test('has exactly the routes that the Worker serves', async () => {
  const file = join(temporaryFolder(), 'routes.mjs');
  await writeFile(file, await bundleModule('functions/http/routes.ts'));
  const { createRegistryApp } = await import(pathToFileURL(file).href);
  const routes = (createRegistryApp().routes as { method: string; path: string }[])
    // The pages are none of the API.
    .filter(({ method, path }) => method !== 'ALL' && !/^\/docs(\/\*)?$/.test(path))
    .map(({ method, path }) => `${method} ${contractPath(path.replace(/:(\w+)/g, '{$1}'))}`);
  expect(operations.map(({ name }) => name).sort()).toEqual([...new Set(routes)].sort());
});

describe('as a whole', () => {
  test('says what it is, and is read wherever it came from', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toEqual({
      title: 'Bullion',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      description: expect.stringMatching(/\S/),
      license: { name: 'Apache-2.0', url: expect.stringMatching(/^https:/) },
    });
    expect(document.servers.map(({ url }) => url)).toEqual(['/']);
    expect(Object.keys(document).sort()).toEqual(
      [
        'components',
        'info',
        'openapi',
        'paths',
        'servers',
        'tags',
        ...('webhooks' in document ? ['webhooks'] : []),
      ].sort(),
    );
  });

  test('describes every tag that is used, and no other', () => {
    expect(document.tags).toEqual(Object.entries(TAGS).map(([name, description]) => ({ name, description })));
    const used = new Set(operations.flatMap(({ operation }) => operation.tags));
    expect([...used].sort()).toEqual(Object.keys(TAGS).sort());
  });

  test('has no path twice under other names of its parameters', () => {
    const shapes = Object.keys(paths).map((path) => path.replace(/\{\w+\}/g, '{}'));
    expect(shapes.filter((shape, index) => shapes.indexOf(shape) !== index)).toEqual([]);
  });

  test('names every operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  test('refers only to what it has, and has nothing that is not referred to', () => {
    const text = JSON.stringify(document);
    const referred = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, reference]) => reference));
    const kept = ['schemas', 'parameters'].flatMap((kind) =>
      Object.keys(components[kind as 'schemas' | 'parameters']).map((name) => `components/${kind}/${name}`),
    );
    expect([...referred].sort()).toEqual(kept.sort());
    expect(Object.keys(components).sort()).toEqual(['parameters', 'schemas', 'securitySchemes']);
  });
});

describe('an operation', () => {
  test.each(operationCases)('%s is described', (name, { method, operation, path }) => {
    expect(METHODS).toContain(method);
    expect(path).toMatch(/^\/[\w./{}-]+(:[A-Za-z]+)?$/);
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/);
    expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(operation.tags.length).toBe(1);
    expect(Object.keys(operation.responses), name).toEqual(expect.arrayContaining(['200', 'default']));
    for (const { description } of Object.values(operation.responses)) expect(description).toMatch(/^[A-Z`]/);
    expect(operation.responses['200']?.content?.['application/json']).toBeDefined();
  });

  test.each(operationCases)('%s says who may call it', (_, { operation }) => {
    const schemes = operation.security.flatMap((one) => Object.keys(one));
    const known = Object.keys(components.securitySchemes);
    expect([[], known]).toContainEqual(schemes);
  });

  test.each(operationCases)('%s has the parameters of its path, each once', (_, { path, parameters }) => {
    const inPath = parameters.filter((one) => one.in === 'path');
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(inPath.map(({ name }) => name).sort()).toEqual(named.sort());
    for (const one of inPath) expect(one.required).toBe(true);
    for (const one of parameters) expect(['path', 'query', 'header']).toContain(one.in);
    const keys = parameters.map((one) => `${one.in} ${one.name}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  const withBody = operations.filter(({ operation }) => operation.requestBody !== undefined);
  test.each(withBody.map(({ name, ...rest }) => [name, rest] as const))(
    '%s has a body with an example',
    (_, { method, operation: { requestBody } }) => {
      expect(['post', 'patch', 'put']).toContain(method);
      expect(Object.keys(requestBody!.content)).toEqual(['application/json']);
      expect(exampleOf(requestBody!.content['application/json']!)).toBeTypeOf('object');
    },
  );

  test.each(withBody.map(({ name, ...rest }) => [name, rest] as const))(
    '%s takes its example as it is',
    async (_, { method, path, operation: { requestBody } }) => {
      // Who has no right anywhere is refused by what it asks for, not for how.
      const { api } = await stranger;
      const example = exampleOf(requestBody!.content['application/json']!);
      const known = path.replace(/\{\w+\}/g, 'fd800000000000000000');
      expect([401, 403, 404]).toContain((await api.refused(method.toUpperCase(), known, example)).status);
    },
  );

  test.each([
    ['get', '/compute/v1/images', 'images.list'],
    ['post', '/compute/v1/images', 'images.create'],
    ['get', '/compute/v1/images/{imageId}', 'images.get'],
    ['patch', '/compute/v1/images/{imageId}', 'images.update'],
    ['delete', '/compute/v1/images/{imageId}', 'images.delete'],
    ['post', '/compute/v1/images/{imageId}:signParts', 'images.signParts'],
    ['get', '/compute/v1/images:latestByFamily', 'images.latestByFamily'],
    ['get', '/compute/v1/images/{imageId}/operations', 'images.listOperations'],
    ['post', '/iam/v1/workload/oidc/federations', 'federations.create'],
    ['get', '/compute/v1/imageFamilies/{folderId}/{family}', 'imageFamilies.get'],
  ])('that is %s %s is called %s', (method, path, id) => {
    expect(operationIdOf(method, path)).toBe(id);
  });
});

test('every schema is one', () => {
  expect(schemas.flatMap(([at, schema]) => keywordFaults(schema, at))).toEqual([]);
});

test('every parameter and every property is described', () => {
  const undescribed = [
    ...operations.flatMap(({ name, parameters }) =>
      parameters.filter(({ description }) => !description).map((one) => `${name} ${one.name}`),
    ),
    ...schemas.flatMap(([at, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, { description }]) => !description)
        .map(([name]) => `${at}.${name}`),
    ),
  ];
  expect(undescribed).toEqual([]);
});

test('every example is one of its schema', () => {
  const examples = [
    ...places.flatMap(([at, { schema, example, examples: more = {} }]) =>
      [example, ...Object.values(more).map(({ value }) => value)].map((value) => ({ at, schema, value })),
    ),
    ...schemas.flatMap(([at, schema]) =>
      [schema.example, schema.default, ...(schema.examples ?? [])].map((value) => ({ at, schema, value })),
    ),
  ].filter(({ value }) => value !== undefined);
  expect(examples.length).toBeGreaterThan(50);
  expect(
    examples.flatMap(({ at, schema, value }) => faultsOf(value, schema, components.schemas, at)),
  ).toEqual([]);
});
