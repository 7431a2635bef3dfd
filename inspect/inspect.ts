/**
 * The inspection: what a disk image is found to be, and why it is refused. Bytes in, facts and findings out; whoever
 * runs it (the service, the command line, a browser) gets the same answer for the same bytes.
 */

import { judgeContainer } from './contained.ts';
import type { Container, Opening } from './containers/container.ts';
import { Refused } from './containers/container.ts';
import { openQcow2 } from './containers/qcow2/open.ts';
import { footerAtEnd, openVhd } from './containers/vhd/open.ts';
import { openVmdk } from './containers/vmdk/open.ts';
import { recogniseOther } from './foreign/signatures.ts';
import { type Draft, type Inspection, refuseForeign } from './inspection.ts';
import { BudgetExceeded, DEFAULT_LIMITS, type Limits } from './limits.ts';
import { judgePlain, judgeScrap } from './plain.ts';
import { notePolyglot } from './polyglot.ts';
import { Meter } from './readers/metered-reader.ts';
import type { RangeReader } from './readers/range-reader.ts';
import { type Image, recogniseImage } from './recognise.ts';
import { Findings, type Format, inOrder, type Report } from './report.ts';

/** A file up to this size is read whole; of a larger one its head and its tail are read first. */
const WHOLE_FILE_BYTES = 256 * 1024;
const HEAD_BYTES = 72 * 1024;
const TAIL_BYTES = 64 * 1024;
const SECTOR_BYTES = 512;
export interface InspectOptions {
  /** What the caller said the bytes are. */
  readonly declaredFormat?: Format;
  readonly limits?: Partial<Limits>;
}

/**
 * Inspects one file. Resolves for every file whatever its bytes are: a check that fails in an unforeseen way refuses.
 * Rejects only when the source fails, with the source's own error.
 */
export async function inspect(source: RangeReader, options: InspectOptions = {}): Promise<Report> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const meter = new Meter(source, limits.cacheBytes);
  const findings = new Findings();
  const report: Draft = {};
  try {
    await judge({ meter, limits, declared: options.declaredFormat, findings, report });
  } catch (error) {
    noteFailure(error, findings);
  }
  if (meter.failure !== undefined) throw meter.failure.cause;
  return inOrder({
    ...report,
    verdict: findings.refused ? 'reject' : 'accept',
    fileSize: String(source.size),
    cost: { reads: meter.reads, bytes: meter.bytes },
    findings: findings.sorted(),
  });
}

function noteFailure(error: unknown, findings: Findings): void {
  if (error instanceof Refused && findings.refused) return;
  if (error instanceof BudgetExceeded) {
    findings.add('RESOURCE_LIMIT', {
      message:
        'The headers and tables of the file take more reads than an inspection may make; convert the image again.',
    });
  } else {
    findings.add('BAD_HEADER', {
      message:
        'The structures of the file contradict each other so that it could not be read; convert the image again.',
    });
  }
}

async function judge(inspection: Inspection): Promise<void> {
  const { meter, limits, findings, report } = inspection;
  const size = meter.size;
  if (size === 0) {
    findings.add('EMPTY', { message: 'The file has no bytes; upload the disk image itself.' });
    return;
  }
  const file = meter.reader({ reads: limits.mappedReads, bytes: limits.mappedBytes });
  const { head, tail } = await readEnds(file);
  const image = recogniseImage(head);
  if (size < SECTOR_BYTES && !(image !== undefined && 'kind' in image && image.name === 'VMDK descriptor')) {
    judgeScrap(inspection, head, tail, image);
    return;
  }
  const opening: Opening = { file, head, tail, findings, limits };
  const footer = footerAtEnd(tail, size);
  if (image === undefined && footer === undefined) {
    await judgePlain(inspection, head, tail);
    return;
  }
  if (image !== undefined) notePolyglot(image, opening, footer !== undefined);
  if (image !== undefined && 'foreign' in image) {
    report.detected = image.foreign.detected;
    if (!findings.refused) refuseForeign(inspection, image.foreign);
    return;
  }
  if (image === undefined) {
    const other = recogniseOther(head, tail, false);
    if (other !== undefined && other.weak !== true) {
      report.detected = other.detected;
      findings.add('POLYGLOT', {
        message: `The file begins as ${other.detected} and ends with a VHD footer, so that programs read it differently; upload the disk alone.`,
        offset: String(footer!.at),
      });
      return;
    }
  }
  await judgeContainer(inspection, await openContainer(image, opening));
}

/** First and last bytes of the file, fetched together. */
async function readEnds(file: RangeReader): Promise<{ head: Uint8Array; tail: Uint8Array }> {
  const { size } = file;
  const headBytes = size <= WHOLE_FILE_BYTES ? size : HEAD_BYTES;
  const tailBytes = Math.min(TAIL_BYTES, size);
  await file.prefetch?.([
    { offset: 0, length: headBytes },
    { offset: size - tailBytes, length: tailBytes },
  ]);
  return {
    head: await file.read(0, Math.min(HEAD_BYTES, size)),
    tail: await file.read(size - tailBytes, tailBytes),
  };
}

async function openContainer(image: Image | undefined, opening: Opening): Promise<Container> {
  if (image !== undefined && 'kind' in image) {
    if (image.kind === 'QCOW2') return openQcow2(opening);
    if (image.kind === 'VMDK') return openVmdk(opening);
  }
  return openVhd(opening);
}
