import { INSPECTION_CONFIG, readDeployment } from './deployment.ts';
import { formatCheck } from './doctor/check.ts';
import { bindingChecks } from './doctor/project.ts';
import { Refusal } from './refusal.ts';
import { checkMigrations, step } from './steps.ts';
import { DATABASE, showWrangler } from './wrangler.ts';

/**
 * `npm run deploy`: what can be known here first, then the migrations, then the Workers. Arguments go to
 * `wrangler deploy`; with `--dry-run` nothing leaves this machine.
 */
export async function main(wranglerArguments: readonly string[]): Promise<void> {
  if (wranglerArguments.some((argument) => /^--name(?:=|$)/.test(argument))) {
    throw new Refusal(
      `--name would name two Workers alike; change their names in wrangler.toml and ${INSPECTION_CONFIG}, and [[services]]`,
    );
  }
  const checks = bindingChecks(await readDeployment());
  for (const check of checks) console.log(formatCheck(check));
  if (checks.some(({ outcome }) => outcome === 'FAIL')) {
    throw new Refusal('not deployed: wrangler.toml does not bind what the Worker needs');
  }
  await checkMigrations();
  // Tables come before the Worker that needs them.
  if (!wranglerArguments.includes('--dry-run')) {
    await wrangler('migrations of the database', ['d1', 'migrations', 'apply', DATABASE, '--remote']);
  }
  // A Worker can be bound only to one that is there.
  await wrangler('deployment of the inspection', [
    'deploy',
    `--config=${INSPECTION_CONFIG}`,
    ...wranglerArguments,
  ]);
  await wrangler('deployment', ['deploy', ...wranglerArguments]);
  if (!wranglerArguments.includes('--dry-run')) {
    console.log(
      'Then, once: npm run bootstrap. And each time: npm run doctor, with BULLION_URL and BULLION_KEY.',
    );
  }
}

async function wrangler(name: string, wranglerArguments: readonly string[]): Promise<void> {
  await step(name, async () => {
    const code = await showWrangler(wranglerArguments);
    if (code !== 0)
      throw new Refusal(`wrangler ${wranglerArguments.join(' ')} ended with ${code}; see above`);
  });
}
