import { join } from 'node:path';
import { build } from 'esbuild';
import { type Deployment, readDeployment } from './deployment.ts';
import { projectFolder } from './project.ts';

/** The Worker as one module, bundled as wrangler bundles it for a deployment. Throws with esbuild's messages. */
export async function bundleWorker(deployment?: Deployment): Promise<string> {
  const { main } = deployment ?? (await readDeployment());
  return await bundleModule(main, deployment);
}

/** As `bundleWorker`, from another entry: a path from the project folder. */
export async function bundleModule(entry: string, deployment?: Deployment): Promise<string> {
  const { alias } = deployment ?? (await readDeployment());
  const { outputFiles } = await build({
    absWorkingDir: projectFolder,
    entryPoints: [join(projectFolder, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    alias: { ...alias },
    keepNames: true,
    logLevel: 'silent',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`${entry} gave no bundle`);
  return output.text;
}
