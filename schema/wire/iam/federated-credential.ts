import { checkText } from '../../../core/names.ts';
import * as z from '../../zod.ts';
import {
  message,
  nextPageToken,
  optionalText,
  pageSize,
  pageToken,
  query,
  requiredText,
  ruled,
  timestamp,
} from '../json.ts';

const SUBJECT = {
  description: 'the claim `sub` of its tokens; with a * at the end, all that begin so',
  example: 'repo:acme/images:ref:refs/heads/main',
};

export const createFederatedCredentialBody = message({
  serviceAccountId: requiredText(50),
  federationId: requiredText(50),
  externalSubjectId: ruled((subject) => checkText('externalSubject', subject)).openapi(SUBJECT),
}).openapi('CreateFederatedCredentialRequest', {
  example: {
    serviceAccountId: 'aje5g1rvm8lqd4n2t0ks',
    federationId: 'aje0c7mtu3hb9p6o1fqe',
    externalSubjectId: SUBJECT.example,
  },
});

export const federatedCredentialPath = z.object({ federatedCredentialId: requiredText(50) });
export const listFederatedCredentialsQuery = query({
  serviceAccountId: optionalText(50).openapi({ description: 'either this or federationId' }),
  federationId: optionalText(50),
  pageSize,
  pageToken,
});

export const federatedCredential = z
  .object({
    id: z.string(),
    serviceAccountId: z.string(),
    federationId: z.string(),
    externalSubjectId: z.string().openapi(SUBJECT),
    createdAt: timestamp,
  })
  .openapi('FederatedCredential', { description: 'Lets a subject of an issuer act as a service account' });

export const federatedCredentialList = z
  .object({ federatedCredentials: z.array(federatedCredential).optional(), nextPageToken })
  .openapi('ListFederatedCredentialsResponse');
