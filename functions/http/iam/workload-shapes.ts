import type { z } from 'zod';
import type { FederatedCredential } from '../../../registry/identity/federated-credentials.ts';
import type { Federation } from '../../../registry/identity/federations.ts';
import type { federatedCredential as federatedCredentialWire } from '../../../schema/wire/iam/federated-credential.ts';
import type { federation as federationWire } from '../../../schema/wire/iam/federation.ts';
import { compact, nonEmpty, time } from '../wire.ts';

export const FEDERATION_TYPE = 'yandex.cloud.iam.v1.workload.oidc.Federation';
export const FEDERATED_CREDENTIAL_TYPE = 'yandex.cloud.iam.v1.workload.FederatedCredential';

/** A federation as the contract shows it. */
export function federationShape(federation: Federation): z.infer<typeof federationWire> {
  return compact({
    id: federation.id,
    name: federation.name,
    folderId: federation.folderId,
    description: federation.description,
    enabled: federation.enabled,
    audiences: federation.audiences,
    issuer: federation.issuer,
    jwksUrl: federation.jwksUrl,
    labels: nonEmpty(federation.labels),
    createdAt: time(federation.createdAt),
  }) as z.infer<typeof federationWire>;
}

/** A federated credential as the contract shows it. */
export function federatedCredentialShape(
  credential: FederatedCredential,
): z.infer<typeof federatedCredentialWire> {
  const { id, serviceAccountId, federationId, externalSubjectId, createdAt } = credential;
  return { id, serviceAccountId, federationId, externalSubjectId, createdAt: time(createdAt) };
}
