import { VERSION } from '../version.ts';
import { mountAccessBindings } from './access-bindings.ts';
import { type App, createApp } from './app.ts';
import { mountDisks } from './compute/disks.ts';
import { mountImages } from './compute/images.ts';
import { mountUploads } from './compute/uploads.ts';
import { mountDocs } from './docs.ts';
import { mountHealth } from './health.ts';
import { mountApiKeys } from './iam/api-keys.ts';
import { mountFederatedCredentials } from './iam/federated-credentials.ts';
import { mountFederations } from './iam/federations.ts';
import { mountRoles } from './iam/roles.ts';
import { mountServiceAccounts } from './iam/service-accounts.ts';
import { mountDocument } from './openapi.ts';
import { mountOperations } from './operations.ts';
import { mountQuotaLimits } from './quota-manager/limits.ts';
import { mountQuotaRequests } from './quota-manager/requests.ts';
import { mountClouds } from './resource-manager/clouds.ts';
import { mountFolders } from './resource-manager/folders.ts';
import { mountResourceOperations } from './resource-operations.ts';

/** Every route of the registry. */
export function createRegistryApp(): App {
  const app = createApp();
  mountHealth(app);
  mountImages(app);
  mountUploads(app);
  mountDisks(app);
  mountAccessBindings(app);
  mountClouds(app);
  mountFolders(app);
  mountServiceAccounts(app);
  mountApiKeys(app);
  mountFederations(app);
  mountFederatedCredentials(app);
  mountRoles(app);
  mountQuotaLimits(app);
  mountQuotaRequests(app);
  mountOperations(app);
  mountResourceOperations(app);
  mountDocs(app);
  mountDocument(app, VERSION);
  return app;
}
