import { z } from '@hono/zod-openapi';
import { enumeration, message, nextPageToken, pageSize, pageToken, query, requiredText } from './json.ts';

const MAX_BINDINGS = 1000;
const required = (issue: { input?: unknown }) =>
  issue.input === undefined ? 'is required' : 'expected an object';

const bindingMessage = message({
  roleId: requiredText(64),
  subject: message({ id: requiredText(100), type: requiredText(100) }),
});

export const setAccessBindingsBody = message({
  accessBindings: z
    .array(bindingMessage)
    .max(MAX_BINDINGS, `at most ${MAX_BINDINGS} bindings are allowed`)
    .default([]),
}).openapi('SetAccessBindingsRequest');

export const updateAccessBindingsBody = message({
  accessBindingDeltas: z
    .array(
      message({
        action: enumeration(['ACCESS_BINDING_ACTION_UNSPECIFIED', 'ADD', 'REMOVE']),
        accessBinding: bindingMessage,
      }),
      { error: required },
    )
    .min(1, 'at least one delta is required')
    .max(MAX_BINDINGS, `at most ${MAX_BINDINGS} deltas are allowed`),
}).openapi('UpdateAccessBindingsRequest');

export const accessBinding = z
  .object({ roleId: z.string(), subject: z.object({ id: z.string(), type: z.string() }) })
  .openapi('AccessBinding');

export const accessBindingList = z
  .object({ accessBindings: z.array(accessBinding).optional(), nextPageToken })
  .openapi('ListAccessBindingsResponse');

export const resourcePath = z.object({ resourceId: requiredText(64) });
export const accessBindingsPage = query({ pageSize, pageToken });
