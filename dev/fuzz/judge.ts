/** What must hold of the inspection of any file, whatever its bytes are. */
import { isDeepStrictEqual } from 'node:util';
import { inspect } from '../../inspect/inspect.ts';
import { DEFAULT_LIMITS, type Limits } from '../../inspect/limits.ts';
import type { RangeReader } from '../../inspect/readers/range-reader.ts';
import { type Report, severityOf, sortFindings } from '../../inspect/report.ts';
import type { SparseImage } from '../../test/sparse-image.ts';
import { dangersOf } from './dangers.ts';
import { Random } from './random.ts';

const MOST_REPORT_CHARACTERS = 512 * 1024;
/** Control characters, and those that turn the direction of text. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
/** How the inspection words an exception that nobody foresaw. */
const UNFORESEEN = 'The structures of the file contradict each other';

export interface Judgement {
  /** Absent when the inspection threw. */
  readonly report?: Report;
  /** Sentences; none when everything holds. */
  readonly problems: readonly string[];
}

export interface Thoroughness {
  /** Inspect again, with answers that come in another order. */
  readonly again: boolean;
  /** Inspect once more for each step of the budget, with the steps behind it left out. */
  readonly steps: boolean;
}

/** Inspects a file and holds the answer against what must be true of all. */
export async function judge(
  { image, limits = {} }: { readonly image: SparseImage; readonly limits?: Partial<Limits> },
  { again, steps }: Thoroughness,
): Promise<Judgement> {
  const problems: string[] = [];
  const spent = { reads: 0, bytes: 0 };
  let report: Report;
  try {
    report = await inspect(counted(image, spent), { limits });
  } catch (error) {
    return { problems: [`threw ${error instanceof Error ? error.stack : String(error)}`] };
  }
  if (report.cost.reads !== spent.reads || report.cost.bytes !== spent.bytes) {
    problems.push(`says it cost ${JSON.stringify(report.cost)} and cost ${JSON.stringify(spent)}`);
  }
  problems.push(...budgetProblems(report, 'all steps', limits));
  problems.push(...reportProblems(report));
  if (report.verdict === 'accept') {
    problems.push(...dangersOf(image, report.format).map((danger) => `accepted: ${danger}`));
  }
  if (again && !isDeepStrictEqual(await inspect(inAnotherOrder(image), { limits }), report)) {
    problems.push('another answer the second time');
  }
  if (steps) problems.push(...(await stepProblems(image, limits)));
  return { report, problems };
}

function counted(image: SparseImage, spent: { reads: number; bytes: number }): RangeReader {
  return {
    size: image.size,
    read: async (offset, length) => {
      spent.reads += 1;
      spent.bytes += length;
      return image.read(offset, length);
    },
  };
}

/** Answers late, and the later of two reads sometimes first. */
function inAnotherOrder(image: SparseImage): RangeReader {
  const random = new Random(image.size % 2 ** 32, 0);
  return {
    size: image.size,
    read: async (offset, length) => {
      for (let turns = random.below(12); turns > 0; turns--) await Promise.resolve();
      return image.read(offset, length);
    },
  };
}

/** Whether guest bytes of what the report found lie as they are. */
function isPlain(report: Report): boolean {
  return report.format === 'RAW' || report.variant === 'fixed';
}

/** The steps on their own: first what a verdict needs, then os-release and architecture on top, without a scan. */
async function stepProblems(image: SparseImage, limits: Partial<Limits>): Promise<string[]> {
  const facts = { ...limits, scanReads: 0, scanBytes: 0 };
  const verdict = { ...facts, fileReads: 0, fileBytes: 0 };
  return [
    ...budgetProblems(await inspect(image.reader(), { limits: verdict }), 'header to OS family', verdict),
    ...budgetProblems(await inspect(image.reader(), { limits: facts }), 'facts', facts),
  ];
}

function budgetProblems(report: Report, steps: string, changed: Partial<Limits>): string[] {
  const limits = { ...DEFAULT_LIMITS, ...changed };
  const plain = isPlain(report);
  const reads = (plain ? limits.plainReads : limits.mappedReads + limits.scanReads) + limits.fileReads;
  const bytes = (plain ? limits.plainBytes : limits.mappedBytes + limits.scanBytes) + limits.fileBytes;
  const { cost } = report;
  if (cost.reads <= reads && cost.bytes <= bytes) return [];
  return [`${steps}: ${cost.reads} reads of ${cost.bytes} bytes, allowed are ${reads} of ${bytes}`];
}

function reportProblems(report: Report): string[] {
  const problems: string[] = [];
  const refused = report.findings.some(({ severity }) => severity === 'REJECT');
  if ((report.verdict === 'reject') !== refused) problems.push(`${report.verdict} against its findings`);
  if (report.findings.some(({ code, severity }) => severity !== severityOf(code))) {
    problems.push('a finding has a severity that is not its own');
  }
  if (!isDeepStrictEqual(sortFindings(report.findings), report.findings)) {
    problems.push('the findings are out of order');
  }
  for (const { message } of report.findings) {
    if (message.startsWith(UNFORESEEN)) problems.push('an exception that was not foreseen');
  }
  const size = BigInt(report.virtualSize ?? report.fileSize);
  for (const { number, start } of report.verdict === 'accept' ? (report.partitions ?? []) : []) {
    if (BigInt(start) >= size) problems.push(`partition ${number} begins behind the disk`);
  }
  const text = JSON.stringify(report, (_, value) => {
    if (typeof value === 'string' && UNPRINTABLE.test(value))
      problems.push(`unprintable: ${JSON.stringify(value)}`);
    if (typeof value === 'number' && !Number.isSafeInteger(value)) problems.push(`the number ${value}`);
    return value;
  });
  if (text.length > MOST_REPORT_CHARACTERS) problems.push(`a report of ${text.length} characters`);
  return problems;
}
