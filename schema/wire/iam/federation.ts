import * as z from '../../zod.ts';
import { containerLabels, containerName, description, updateMask } from '../content.ts';
import {
  bool,
  message,
  nextPageToken,
  pageSize,
  pageToken,
  query,
  requiredOr,
  requiredText,
  timestamp,
} from '../json.ts';

const MAX_URL_LENGTH = 8_000;
const MAX_AUDIENCES = 100;
const MAX_AUDIENCE_LENGTH = 255;

const ISSUER = {
  description: 'the claim `iss` of its tokens, to the letter; https',
  example: 'https://token.actions.githubusercontent.com',
};
const JWKS_URL = {
  description: 'where the issuer publishes the keys by which its tokens are verified; https',
  example: 'https://token.actions.githubusercontent.com/.well-known/jwks',
};
const AUDIENCES = {
  description: 'one of these must be in the claim `aud` of a token; better one that nobody else asks for',
  example: ['bullion-of-acme'],
};
const ENABLED = { description: 'whether its tokens are taken; true unless said otherwise' };
const DISABLED = { description: 'the opposite of `enabled`, by which the original asks for it' };

const issuer = requiredText(MAX_URL_LENGTH).openapi(ISSUER);
const jwksUrl = requiredText(MAX_URL_LENGTH).openapi(JWKS_URL);
const audiences = z
  .array(requiredText(MAX_AUDIENCE_LENGTH), { error: requiredOr('a list') })
  .min(1, 'at least one audience is required')
  .max(MAX_AUDIENCES, `at most ${MAX_AUDIENCES} audiences are allowed`)
  .openapi(AUDIENCES);
const enabling = {
  enabled: bool().optional().openapi(ENABLED),
  disabled: bool().optional().openapi(DISABLED),
};

export const createFederationBody = message({
  folderId: requiredText(50),
  name: containerName,
  description,
  ...enabling,
  audiences,
  issuer,
  jwksUrl,
  labels: containerLabels,
}).openapi('CreateFederationRequest', {
  example: {
    folderId: 'default',
    name: 'github',
    audiences: AUDIENCES.example,
    issuer: ISSUER.example,
    jwksUrl: JWKS_URL.example,
  },
});

export const updateFederationBody = message({
  updateMask,
  name: containerName.optional(),
  description,
  ...enabling,
  audiences: audiences.optional(),
  jwksUrl: jwksUrl.optional(),
  labels: containerLabels,
}).openapi('UpdateFederationRequest', { example: { updateMask: 'enabled', enabled: false } });

export const federationPath = z.object({ federationId: requiredText(50) });
export const listFederationsQuery = query({ folderId: requiredText(50), pageSize, pageToken });

export const federation = z
  .object({
    id: z.string(),
    name: z.string(),
    folderId: z.string(),
    description: z.string().optional(),
    enabled: z.boolean().optional().openapi(ENABLED),
    audiences: z.array(z.string()).openapi(AUDIENCES),
    issuer: z.string().openapi(ISSUER),
    jwksUrl: z.string().openapi(JWKS_URL),
    labels: z.record(z.string(), z.string()).optional(),
    createdAt: timestamp,
  })
  .openapi('Federation', {
    description: 'An issuer of tokens that is trusted; its name is unique in the folder',
  });

export const federationList = z
  .object({ federations: z.array(federation).optional(), nextPageToken })
  .openapi('ListFederationsResponse');
