import type { z } from 'zod';
import type { BindingDelta } from '../../core/access-bindings.ts';
import { type ErrorCode, type ErrorDetail, RegistryError } from '../../core/errors.ts';
import type { Disk } from '../../registry/disks/view.ts';
import type { Family } from '../../registry/families/read.ts';
import type { ApiKey } from '../../registry/identity/api-keys.ts';
import type { AuthorizedKey } from '../../registry/identity/authorized-keys.ts';
import type { Cloud } from '../../registry/identity/clouds.ts';
import type { FederatedCredential } from '../../registry/identity/federated-credentials.ts';
import type { Federation } from '../../registry/identity/federations.ts';
import type { Folder } from '../../registry/identity/folders.ts';
import type { ServiceAccount } from '../../registry/identity/service-accounts.ts';
import type { Image } from '../../registry/images/view.ts';
import type { Operation } from '../../registry/operations/record.ts';
import type { QuotaLimit } from '../../registry/quotas/limits.ts';
import type { QuotaRequest } from '../../registry/quotas/requests.ts';
import type { Snapshot } from '../../registry/snapshots/view.ts';
import type { Webhook } from '../../registry/webhooks/create.ts';
import type { OperationError, OperationResult } from '../../schema/tables/work.ts';
import type { operation as operationWire } from '../../schema/wire/operation.ts';
import { DISK_TYPE, diskShape } from './compute/disk-shape.ts';
import { FAMILY_TYPE, familyShape } from './compute/family-shape.ts';
import { IMAGE_TYPE, imageShape } from './compute/image-shape.ts';
import { SNAPSHOT_TYPE, snapshotShape } from './compute/snapshot-shape.ts';
import { WEBHOOK_TYPE, webhookShape } from './compute/webhook-shape.ts';
import { errorBody } from './errors.ts';
import {
  API_KEY_TYPE,
  apiKeyShape,
  KEY_TYPE,
  keyShape,
  SERVICE_ACCOUNT_TYPE,
  serviceAccountShape,
} from './iam/shapes.ts';
import {
  FEDERATED_CREDENTIAL_TYPE,
  FEDERATION_TYPE,
  federatedCredentialShape,
  federationShape,
} from './iam/workload-shapes.ts';
import {
  QUOTA_LIMIT_TYPE,
  QUOTA_REQUEST_TYPE,
  quotaLimitShape,
  quotaRequestShape,
} from './quota-manager/shapes.ts';
import { CLOUD_TYPE, cloudShape, FOLDER_TYPE, folderShape } from './resource-manager/shapes.ts';
import { compact, TYPE, time } from './wire.ts';

type OperationWire = z.infer<typeof operationWire>;
type Any = OperationWire['metadata'];

const SET_BINDINGS = 'yandex.cloud.access.SetAccessBindingsMetadata';
const UPDATE_BINDINGS = 'yandex.cloud.access.UpdateAccessBindingsMetadata';

/** The type of the metadata of each kind of operation. */
const METADATA: Readonly<Record<string, string>> = {
  'images.create': 'yandex.cloud.compute.v1.CreateImageMetadata',
  'images.update': 'yandex.cloud.compute.v1.UpdateImageMetadata',
  'images.delete': 'yandex.cloud.compute.v1.DeleteImageMetadata',
  'images.promote': 'bullion.v1.PromoteImageMetadata',
  'images.deprecate': 'bullion.v1.DeprecateImageMetadata',
  'images.undelete': 'bullion.v1.UndeleteImageMetadata',
  'images.lease': 'bullion.v1.LeaseImageMetadata',
  'images.releaseLease': 'bullion.v1.ReleaseLeaseMetadata',
  'imageFamilies.rollback': 'bullion.v1.RollbackImageFamilyMetadata',
  'imageFamilies.setRetention': 'bullion.v1.SetRetentionMetadata',
  'webhooks.create': 'bullion.v1.CreateWebhookMetadata',
  'webhooks.update': 'bullion.v1.UpdateWebhookMetadata',
  'webhooks.rotateSecret': 'bullion.v1.RotateWebhookSecretMetadata',
  'webhooks.delete': 'bullion.v1.DeleteWebhookMetadata',
  'images.setAccessBindings': SET_BINDINGS,
  'images.updateAccessBindings': UPDATE_BINDINGS,
  'disks.create': 'yandex.cloud.compute.v1.CreateDiskMetadata',
  'disks.update': 'yandex.cloud.compute.v1.UpdateDiskMetadata',
  'disks.delete': 'yandex.cloud.compute.v1.DeleteDiskMetadata',
  'disks.move': 'yandex.cloud.compute.v1.MoveDiskMetadata',
  'disks.relocate': 'yandex.cloud.compute.v1.RelocateDiskMetadata',
  'disks.setAccessBindings': SET_BINDINGS,
  'disks.updateAccessBindings': UPDATE_BINDINGS,
  'snapshots.create': 'yandex.cloud.compute.v1.CreateSnapshotMetadata',
  'snapshots.update': 'yandex.cloud.compute.v1.UpdateSnapshotMetadata',
  'snapshots.delete': 'yandex.cloud.compute.v1.DeleteSnapshotMetadata',
  'snapshots.setAccessBindings': SET_BINDINGS,
  'snapshots.updateAccessBindings': UPDATE_BINDINGS,
  'folders.create': 'yandex.cloud.resourcemanager.v1.CreateFolderMetadata',
  'folders.update': 'yandex.cloud.resourcemanager.v1.UpdateFolderMetadata',
  'folders.delete': 'yandex.cloud.resourcemanager.v1.DeleteFolderMetadata',
  'folders.setAccessBindings': SET_BINDINGS,
  'folders.updateAccessBindings': UPDATE_BINDINGS,
  'clouds.create': 'yandex.cloud.resourcemanager.v1.CreateCloudMetadata',
  'clouds.update': 'yandex.cloud.resourcemanager.v1.UpdateCloudMetadata',
  'clouds.delete': 'yandex.cloud.resourcemanager.v1.DeleteCloudMetadata',
  'clouds.setAccessBindings': SET_BINDINGS,
  'clouds.updateAccessBindings': UPDATE_BINDINGS,
  'serviceAccounts.create': 'yandex.cloud.iam.v1.CreateServiceAccountMetadata',
  'serviceAccounts.update': 'yandex.cloud.iam.v1.UpdateServiceAccountMetadata',
  'serviceAccounts.delete': 'yandex.cloud.iam.v1.DeleteServiceAccountMetadata',
  'serviceAccounts.setAccessBindings': SET_BINDINGS,
  'serviceAccounts.updateAccessBindings': UPDATE_BINDINGS,
  'apiKeys.create': 'yandex.cloud.iam.v1.CreateApiKeyMetadata',
  'apiKeys.update': 'yandex.cloud.iam.v1.UpdateApiKeyMetadata',
  'apiKeys.delete': 'yandex.cloud.iam.v1.DeleteApiKeyMetadata',
  'serviceAccounts.suspend': 'yandex.cloud.iam.v1.SuspendServiceAccountMetadata',
  'serviceAccounts.reactivate': 'yandex.cloud.iam.v1.ReactivateServiceAccountMetadata',
  'authorizedKeys.create': 'yandex.cloud.iam.v1.CreateKeyMetadata',
  'authorizedKeys.update': 'yandex.cloud.iam.v1.UpdateKeyMetadata',
  'authorizedKeys.delete': 'yandex.cloud.iam.v1.DeleteKeyMetadata',
  'federations.create': 'yandex.cloud.iam.v1.workload.oidc.CreateFederationMetadata',
  'federations.update': 'yandex.cloud.iam.v1.workload.oidc.UpdateFederationMetadata',
  'federations.delete': 'yandex.cloud.iam.v1.workload.oidc.DeleteFederationMetadata',
  'federatedCredentials.create': 'yandex.cloud.iam.v1.workload.CreateFederatedCredentialMetadata',
  'federatedCredentials.delete': 'yandex.cloud.iam.v1.workload.DeleteFederatedCredentialMetadata',
  'quotaRequests.create': 'yandex.cloud.quotamanager.v1.CreateQuotaRequestMetadata',
  'quotaRequests.cancel': 'yandex.cloud.quotamanager.v1.CancelQuotaRequestMetadata',
  'quotaRequests.approve': 'bullion.v1.ApproveQuotaRequestMetadata',
  'quotaRequests.reject': 'bullion.v1.RejectQuotaRequestMetadata',
  'quotaLimits.update': 'bullion.v1.UpdateQuotaLimitMetadata',
};

/** How the result of each type is shown. */
const RESULTS: Readonly<Record<string, (value: OperationResult['value']) => Any>> = {
  empty: () => ({ '@type': `${TYPE}google.protobuf.Empty` }),
  image: (value) => ({ '@type': TYPE + IMAGE_TYPE, ...imageShape(value as unknown as Image) }),
  imageFamily: (value) => ({ '@type': TYPE + FAMILY_TYPE, ...familyShape(value as unknown as Family) }),
  disk: (value) => ({ '@type': TYPE + DISK_TYPE, ...diskShape(value as unknown as Disk) }),
  snapshot: (value) => ({ '@type': TYPE + SNAPSHOT_TYPE, ...snapshotShape(value as unknown as Snapshot) }),
  webhook: (value) => ({ '@type': TYPE + WEBHOOK_TYPE, ...webhookShape(value as unknown as Webhook) }),
  folder: (value) => ({ '@type': TYPE + FOLDER_TYPE, ...folderShape(value as unknown as Folder) }),
  cloud: (value) => ({ '@type': TYPE + CLOUD_TYPE, ...cloudShape(value as unknown as Cloud) }),
  serviceAccount: (value) => ({
    '@type': TYPE + SERVICE_ACCOUNT_TYPE,
    ...serviceAccountShape(value as unknown as ServiceAccount),
  }),
  apiKey: (value) => ({ '@type': TYPE + API_KEY_TYPE, ...apiKeyShape(value as unknown as ApiKey) }),
  authorizedKey: (value) => ({ '@type': TYPE + KEY_TYPE, ...keyShape(value as unknown as AuthorizedKey) }),
  federation: (value) => ({
    '@type': TYPE + FEDERATION_TYPE,
    ...federationShape(value as unknown as Federation),
  }),
  federatedCredential: (value) => ({
    '@type': TYPE + FEDERATED_CREDENTIAL_TYPE,
    ...federatedCredentialShape(value as unknown as FederatedCredential),
  }),
  quotaLimit: (value) => ({
    '@type': TYPE + QUOTA_LIMIT_TYPE,
    ...quotaLimitShape(value as unknown as QuotaLimit),
  }),
  quotaRequest: (value) => ({
    '@type': TYPE + QUOTA_REQUEST_TYPE,
    ...quotaRequestShape(value as unknown as QuotaRequest),
  }),
  accessBindings: ({ effectiveDeltas }) =>
    compact({
      '@type': `${TYPE}yandex.cloud.access.AccessBindingsOperationResult`,
      effectiveDeltas: (effectiveDeltas as readonly BindingDelta[]).map(({ action, binding }) => ({
        action,
        accessBinding: binding,
      })),
    }),
};

/** An operation as the contract shows it; `done` always, an error or a response only at its end. */
export function operationShape(operation: Operation): OperationWire {
  return {
    ...compact({
      id: operation.id,
      description: operation.description,
      createdAt: time(operation.createdAt),
      createdBy: operation.createdBy,
      modifiedAt: time(operation.modifiedAt),
      metadata: metadataShape(operation),
      error: operation.error === null ? undefined : errorShape(operation.error),
      response: operation.response === null ? undefined : resultShape(operation.response),
    }),
    done: operation.done,
  } as OperationWire;
}

function metadataShape(operation: Operation): Any {
  const { upload, deleteAfter, purgeAt, cancelledAt, ...members } = operation.metadata as {
    upload?: { uploadId: string; partSize: number; partCount: number; expiresAt: number };
    deleteAfter?: number;
    purgeAt?: number;
    cancelledAt?: number;
  };
  return compact({
    '@type': `${TYPE}${METADATA[operation.kind]}`,
    ...members,
    deleteAfter: deleteAfter === undefined ? undefined : time(deleteAfter),
    purgeAt: purgeAt === undefined ? undefined : time(purgeAt),
    cancelledAt: cancelledAt === undefined ? undefined : time(cancelledAt),
    upload:
      upload === undefined
        ? undefined
        : { ...upload, partSize: String(upload.partSize), expiresAt: time(upload.expiresAt) },
    stage: operation.stage,
    progress: progressShape(operation),
  }) as Any;
}

function progressShape({ bytesDone, bytesTotal }: Operation) {
  if (bytesDone === null || bytesTotal === null) return undefined;
  const percent = bytesTotal === 0 ? 100 : Math.floor((bytesDone / bytesTotal) * 100);
  return { bytesDone: String(bytesDone), bytesTotal: String(bytesTotal), percent };
}

function resultShape(result: OperationResult): Any {
  const shape = RESULTS[result.type];
  if (shape === undefined)
    throw new RegistryError('INTERNAL', `No shape for a result of type ${result.type}`);
  return shape(result.value);
}

function errorShape(error: OperationError): OperationWire['error'] {
  const { code, message } = error;
  const body = errorBody(
    { code: code as ErrorCode, message, details: error.details as readonly ErrorDetail[] },
    undefined,
  );
  return body.details.length > 0 ? body : { code: body.code, message };
}
