import { checkSubject, SUBJECT_TYPES } from '../../core/access.ts';
import { MAX_BINDINGS } from '../../core/access-bindings.ts';
import * as z from '../zod.ts';
import { enumeration, message, nextPageToken, pageSize, pageToken, query, requiredText } from './json.ts';

const ROLE = { description: 'id of a role; GET /iam/v1/roles lists them', example: 'compute.images.user' };
const SUBJECT_ID = {
  description: 'id of the subject; with the type system a group, such as allAuthenticatedUsers',
  example: 'allAuthenticatedUsers',
};
const SUBJECT_TYPE = { description: `one of ${SUBJECT_TYPES.join(', ')}`, example: 'system' };

const subjectMessage = message({
  id: requiredText(100).openapi(SUBJECT_ID),
  type: requiredText(100).openapi(SUBJECT_TYPE),
}).superRefine((subject, context) => {
  const wrong = checkSubject(subject);
  if (wrong !== undefined) {
    context.addIssue({ code: 'custom', path: [wrong.field], message: wrong.description });
  }
});

const bindingMessage = message({ roleId: requiredText(64).openapi(ROLE), subject: subjectMessage });

/** The first name stands for "not given", which no delta may be. */
const action = enumeration(['ACCESS_BINDING_ACTION_UNSPECIFIED', 'ADD', 'REMOVE'])
  .transform((given, context) => {
    if (given !== 'ACCESS_BINDING_ACTION_UNSPECIFIED') return given;
    context.addIssue({ code: 'custom', message: 'must be ADD or REMOVE' });
    return z.NEVER;
  })
  .openapi({ type: 'string', enum: ['ADD', 'REMOVE'] });

export const setAccessBindingsBody = message({
  accessBindings: z
    .array(bindingMessage, { error: 'expected a list' })
    .max(MAX_BINDINGS, `at most ${MAX_BINDINGS} bindings are allowed`)
    .default([])
    .openapi({ description: 'all bindings that the resource then has; none takes all away' }),
}).openapi('SetAccessBindingsRequest', {
  example: {
    accessBindings: [
      { roleId: 'compute.images.user', subject: { type: 'system', id: 'allAuthenticatedUsers' } },
    ],
  },
});

export const updateAccessBindingsBody = message({
  accessBindingDeltas: z
    .array(message({ action, accessBinding: bindingMessage }), {
      error: (issue) => (issue.input === undefined ? 'is required' : 'expected a list'),
    })
    .min(1, 'at least one delta is required')
    .max(MAX_BINDINGS, `at most ${MAX_BINDINGS} deltas are allowed`)
    .openapi({ description: 'changes, made in their order, all or none' }),
}).openapi('UpdateAccessBindingsRequest', {
  example: {
    accessBindingDeltas: [
      {
        action: 'ADD',
        accessBinding: {
          roleId: 'compute.images.user',
          subject: { type: 'system', id: 'allAuthenticatedUsers' },
        },
      },
    ],
  },
});

export const accessBinding = z
  .object({
    roleId: z.string().openapi(ROLE),
    subject: z.object({
      id: z.string().openapi(SUBJECT_ID),
      type: z.string().openapi(SUBJECT_TYPE),
    }),
  })
  .openapi('AccessBinding');

export const accessBindingList = z
  .object({ accessBindings: z.array(accessBinding).optional(), nextPageToken })
  .openapi('ListAccessBindingsResponse');

export const resourcePath = z.object({ resourceId: requiredText(64) });
export const accessBindingsPage = query({ pageSize, pageToken });
