import { VERSION } from '../version.ts';
import { type App, createApp } from './app.ts';
import { mountImages } from './compute/images.ts';
import { mountUploads } from './compute/uploads.ts';
import { mountHealth } from './health.ts';
import { mountDocument } from './openapi.ts';
import { mountOperations } from './operations.ts';

/** Every route of the registry. */
export function createRegistryApp(): App {
  const app = createApp();
  mountHealth(app);
  mountImages(app);
  mountUploads(app);
  mountOperations(app);
  mountDocument(app, VERSION);
  return app;
}
