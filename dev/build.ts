import { join } from 'node:path';
import { makeAssets } from './assets.ts';
import { readDeployment } from './deployment.ts';
import { projectFolder } from './project.ts';
import { writeWorker } from './worker-bundle.ts';

/** `node dev/run.mjs build`, which wrangler runs first: makes what it deploys, the Worker and the static assets. */
export async function main(): Promise<void> {
  const { main: worker, assets } = await readDeployment();
  makeAssets(join(projectFolder, assets.folder));
  await writeWorker(join(projectFolder, worker));
}
