/** One inspection under way: what its parts share. */
import type { Foreign } from './foreign/foreign.ts';
import type { Limits } from './limits.ts';
import type { Meter } from './readers/metered-reader.ts';
import type { Findings, Format, Report } from './report.ts';

/** A report while it grows. */
export type Draft = { -readonly [Field in keyof Report]?: Report[Field] };

export interface Inspection {
  readonly meter: Meter;
  readonly limits: Limits;
  readonly declared: Format | undefined;
  readonly findings: Findings;
  readonly report: Draft;
}

/** Refuses a file by the name of what it is. */
export function refuseForeign({ findings, report }: Inspection, foreign: Foreign): void {
  report.detected = foreign.detected;
  findings.add(foreign.code, { message: foreign.message });
}

/** Notes that the caller declared another format than the bytes have. */
export function noteMismatch({ declared, findings }: Inspection, format: Format): void {
  if (declared === undefined || declared === format) return;
  findings.add('FORMAT_MISMATCH', {
    message: `The file was declared to be ${declared} and is ${format}; declare ${format}, or upload the file you meant.`,
    expected: declared,
    found: format,
  });
}
