import { checkMigrations, checkSources } from './steps.ts';

/** `npm run check`: everything that is known without running the registry. */
export async function main(): Promise<void> {
  await checkSources();
  await checkMigrations();
}
