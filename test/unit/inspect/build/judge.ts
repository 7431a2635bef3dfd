import { type InspectOptions, inspect } from '../../../../inspect/inspect.ts';
import type { Report } from '../../../../inspect/report.ts';
import { bytesReader } from '../../../corpus.ts';
import type { Packer } from './packer.ts';

/** Inspects bytes in memory. */
export function judge(image: Packer | Uint8Array, options?: InspectOptions): Promise<Report> {
  return inspect(bytesReader(image instanceof Uint8Array ? image : image.bytes), options);
}

/** The codes that refuse, each once, in the order of the report. */
export function refusals(report: Report): string[] {
  return [...new Set(report.findings.filter((f) => f.severity === 'REJECT').map((f) => f.code))];
}

/** All codes, each once, in the order of the report. */
export function codes(report: Report): string[] {
  return [...new Set(report.findings.map((finding) => finding.code))];
}
