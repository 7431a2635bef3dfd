import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { makeDeployed } from '../../../dev/build.ts';
import { readDeployment } from '../../../dev/deployment.ts';
import { startLocal } from '../../../dev/local.ts';

/** The registry that all service tests share, and the bundle with which a test starts its own. */
export interface SharedRegistry {
  readonly url: string;
  readonly s3Url: string;
  /** Key of `local-admin`. */
  readonly key: string;
  /** The Workers as JSON. */
  readonly workersFile: string;
  /** Holds a folder `own-…` for each that a test file made; all are gone when their files ended. */
  readonly folder: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    registry: SharedRegistry;
  }
}

/** Makes the Workers and their assets and starts one registry for the run; the function that it returns ends all of it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'bullion-service-'));
  const workers = await makeDeployed(await readDeployment());
  const workersFile = join(folder, 'workers.json');
  await writeFile(workersFile, JSON.stringify(workers));
  const logLines: string[] = [];
  const local = await startLocal({
    state: join(folder, 'state'),
    port: 0,
    s3Port: 0,
    workers,
    log: (line) => logLines.push(line),
  });
  const { url, s3Url } = local;
  project.provide('registry', { url, s3Url, key: local.adminKey(), workersFile, folder });
  let ended = false;
  local.crashed.then((reason) => {
    if (!ended)
      console.error(`the registry of the service tests: ${reason}\n${logLines.slice(-20).join('\n')}`);
  });
  return async () => {
    ended = true;
    await local.stop();
    // What is left here belongs to a registry that its test file did not end.
    const left = (await readdir(folder)).filter((name) => name.startsWith('own-'));
    await rm(folder, { recursive: true, force: true });
    if (left.length === 0) return;
    process.exitCode = 1;
    throw new Error(`${left.length} registries of tests were not ended with their files`);
  };
}
