import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readText } from './state-folder.ts';
import { checkSources, run, step } from './steps.ts';

/** What of vitest's JSON report is read. */
interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** `npm test`: type-check, lint, and every test. Arguments go to vitest. */
export async function main(vitestArguments: readonly string[]): Promise<void> {
  await checkSources();
  const folder = mkdtempSync(join(tmpdir(), 'bullion-report-'));
  const reportFile = join(folder, 'report.json');
  try {
    const { code } = await step('tests', () =>
      run(
        'vitest',
        [
          'run',
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${reportFile}`,
          ...vitestArguments,
        ],
        'inherit',
      ),
    );
    const report = readText(reportFile);
    const tally = countTests(report === undefined ? { testResults: [] } : JSON.parse(report));
    // With a filter by name, all others count as skipped.
    const filtered = vitestArguments.some((argument) => /^(-t|--testNamePattern)(=|$)/.test(argument));
    if (filtered) console.log(`left out by the filter: ${tally.skipped.length}`);
    else for (const name of tally.skipped) console.log(`skipped: ${name}`);
    console.log(`${tally.passed} passed, ${tally.failed} failed`);
    const skippedInCi = process.env.CI === 'true' && tally.skipped.length > 0;
    process.exitCode = code !== 0 || tally.failed > 0 || skippedInCi ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file that fails before its first test counts as one failure. */
function countTests({ testResults }: TestReport): { passed: number; failed: number; skipped: string[] } {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const { name, status, assertionResults } of testResults) {
    const failedBefore = failed;
    for (const { fullName, status: outcome } of assertionResults) {
      if (outcome === 'passed') passed += 1;
      else if (outcome === 'failed') failed += 1;
      else skipped.push(`${fullName} (${name})`);
    }
    if (status === 'failed' && failed === failedBefore) failed += 1;
  }
  return { passed, failed, skipped };
}
