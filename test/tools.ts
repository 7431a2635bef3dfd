/** Programs that some tests compare with. Where one is missing the test says so; in CI that is a failure. */
import { spawnSync } from 'node:child_process';

/**
 * Whether the program can be run. Use as `it.skipIf(!hasTool('qemu-img'))`: the test is then reported as skipped.
 * With CI=true it throws instead, naming the program.
 */
export function hasTool(name: string, versionFlag = '--version'): boolean {
  const found = spawnSync(name, [versionFlag], { stdio: 'ignore' }).error === undefined;
  if (!found && process.env.CI === 'true') {
    throw new Error(`${name} is needed for these tests and is not installed`);
  }
  return found;
}
