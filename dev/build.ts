import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeAssets } from './assets.ts';
import { type Deployment, readDeployment } from './deployment.ts';
import { projectFolder } from './project.ts';
import { buildInspection, buildRegistry, type WorkerBundle, type Workers } from './worker-bundle.ts';

/** Makes all that is deployed: the static assets in their folder, and the Workers, which come out. */
async function makeBundles({ assets }: Deployment): Promise<Record<keyof Workers, WorkerBundle>> {
  const [registry, inspection] = await Promise.all([
    buildRegistry(),
    buildInspection(),
    makeAssets(join(projectFolder, assets.folder)),
  ]);
  return { registry, inspection };
}

/** Makes the static assets in their folder, and the Workers, whose modules come out. */
export async function makeDeployed(deployment: Deployment): Promise<Workers> {
  const { registry, inspection } = await makeBundles(deployment);
  return { registry: registry.text, inspection: inspection.text };
}

/** `node dev/run.mjs build`, which wrangler runs before it looks for what it deploys. */
export async function main(): Promise<void> {
  const deployment = await readDeployment();
  const bundles = await makeBundles(deployment);
  write(deployment.main, bundles.registry);
  write(deployment.inspection.main, bundles.inspection);
}

/** in: where the module goes, a path from the project folder. */
function write(path: string, { text, sourceMap }: WorkerBundle): void {
  const file = join(projectFolder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, deployedText(text, basename(file)));
  writeFileSync(`${file}.map`, sourceMap);
}

/** A Worker as it is deployed, with the name of its source map. */
export function deployedText(text: string, name: string): string {
  return `${text}//# sourceMappingURL=${name}.map\n`;
}
