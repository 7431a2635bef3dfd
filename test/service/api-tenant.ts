import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { z } from 'zod';
import type { accessBinding, accessBindingList } from '../../schema/wire/access.ts';
import type { apiKey, newApiKey } from '../../schema/wire/iam/api-key.ts';
import type { serviceAccount } from '../../schema/wire/iam/service-account.ts';
import type { cloud } from '../../schema/wire/resource-manager/cloud.ts';
import type { folder } from '../../schema/wire/resource-manager/folder.ts';
import { Client, type Fields, type Operation, TYPE } from './client.ts';
import { registry } from './setup/registry.ts';

export type AccessBinding = z.infer<typeof accessBinding>;
export type AccessBindingList = z.infer<typeof accessBindingList>;
export type ApiKey = z.infer<typeof apiKey>;
export type NewApiKey = z.infer<typeof newApiKey>;
export type ServiceAccount = z.infer<typeof serviceAccount>;
export type Cloud = z.infer<typeof cloud>;
export type Folder = z.infer<typeof folder>;

export const CLOUDS = '/resource-manager/v1/clouds';
export const FOLDERS = '/resource-manager/v1/folders';
export const ACCOUNTS = '/iam/v1/serviceAccounts';
export const KEYS = '/iam/v1/apiKeys';

/** The organization of the shared registry, whose administrator makes the clouds. */
export const ORGANIZATION = 'local';
export const operator = new Client(registry.url, registry.key);
export const nobody = new Client(registry.url, undefined);

/** A name that nothing else has. */
export const newName = (kind = 'one') => `${kind}-${randomBytes(8).toString('hex')}`;

/** The result of something that is done in the same call, without its type. */
export async function done<T>(operation: Operation | Promise<Operation>): Promise<T> {
  const { done: ended, response, error } = await operation;
  expect({ ended, error }).toEqual({ ended: true, error: undefined });
  const { '@type': _, ...result } = response!;
  return result as T;
}

export const newCloud = (fields: Fields = {}): Promise<Cloud> =>
  done(operator.call('POST', CLOUDS, { organizationId: ORGANIZATION, name: newName('cloud'), ...fields }));

export const newFolder = (cloudId: string, fields: Fields = {}, api = operator): Promise<Folder> =>
  done(api.call('POST', FOLDERS, { cloudId, name: newName('folder'), ...fields }));

export const newAccount = (folderId: string, fields: Fields = {}, api = operator): Promise<ServiceAccount> =>
  done(api.call('POST', ACCOUNTS, { folderId, name: newName('account'), ...fields }));

export const newKey = (serviceAccountId: string, fields: Fields = {}, api = operator): Promise<NewApiKey> =>
  api.call('POST', KEYS, { serviceAccountId, ...fields });

/** A service account with a key of its own. */
export interface Person {
  readonly id: string;
  readonly keyId: string;
  readonly key: string;
  readonly api: Client;
}

export async function newPerson(folderId: string, keyFields: Fields = {}): Promise<Person> {
  const { id } = await newAccount(folderId);
  const { apiKey: made, secret } = await newKey(id, keyFields);
  return { id, keyId: made.id, key: secret, api: new Client(registry.url, secret) };
}

export const toAccount = (id: string) => ({ type: 'serviceAccount', id });
export const EVERYBODY = { type: 'system', id: 'allAuthenticatedUsers' };
export const binding = (roleId: string, subject: AccessBinding['subject']): AccessBinding => ({
  roleId,
  subject,
});

/** Binds a role on a resource, given by its path. */
export const grant = (
  path: string,
  roleId: string,
  subject: AccessBinding['subject'],
  api = operator,
): Promise<Operation> => update(path, [['ADD', binding(roleId, subject)]], api);

export const revoke = (
  path: string,
  roleId: string,
  subject: AccessBinding['subject'],
  api = operator,
): Promise<Operation> => update(path, [['REMOVE', binding(roleId, subject)]], api);

export function update(
  path: string,
  deltas: readonly (readonly ['ADD' | 'REMOVE', AccessBinding])[],
  api = operator,
): Promise<Operation> {
  return api.call('POST', `${path}:updateAccessBindings`, {
    accessBindingDeltas: deltas.map(([action, accessBinding]) => ({ action, accessBinding })),
  });
}

export const bindingsOf = async (path: string, api = operator): Promise<AccessBinding[]> =>
  (await api.get<AccessBindingList>(`${path}:listAccessBindings?pageSize=1000`)).accessBindings ?? [];

/** What differs, as the response of a change of bindings tells it. */
export function effective(operation: Operation): [string, string, string][] {
  expect(operation.response?.['@type']).toBe(`${TYPE}yandex.cloud.access.AccessBindingsOperationResult`);
  const deltas = (operation.response?.effectiveDeltas ?? []) as {
    action: string;
    accessBinding: AccessBinding;
  }[];
  return deltas.map(({ action, accessBinding: { roleId, subject } }) => [action, roleId, subject.id]);
}
