import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeAssets } from './assets.ts';
import { type Deployment, readDeployment } from './deployment.ts';
import { projectFolder } from './project.ts';
import { buildWorker, type WorkerBundle } from './worker-bundle.ts';

/** Makes all that is deployed: the static assets in their folder, and the Worker, which comes out. */
export async function makeDeployed({ assets }: Deployment): Promise<WorkerBundle> {
  const [worker] = await Promise.all([buildWorker(), makeAssets(join(projectFolder, assets.folder))]);
  return worker;
}

/** `node dev/run.mjs build`, which wrangler runs before it looks for what it deploys. */
export async function main(): Promise<void> {
  const deployment = await readDeployment();
  const { text, sourceMap } = await makeDeployed(deployment);
  const file = join(projectFolder, deployment.main);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, deployedText(text, basename(file)));
  writeFileSync(`${file}.map`, sourceMap);
}

/** The Worker as it is deployed, with the name of its source map. */
export function deployedText(text: string, name: string): string {
  return `${text}//# sourceMappingURL=${name}.map\n`;
}
