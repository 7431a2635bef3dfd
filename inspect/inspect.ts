/**
 * The inspection: what a disk image is found to be, and why it is refused. Bytes in, facts and findings out; whoever
 * runs it (the service, the command line, a browser) gets the same answer for the same bytes.
 */
import type { Container, Opening } from './containers/container.ts';
import { Refused } from './containers/container.ts';
import { openQcow2 } from './containers/qcow2/open.ts';
import { SCAN_GAP_BYTES } from './containers/scan.ts';
import { footerAtEnd, openVhd } from './containers/vhd/open.ts';
import { openVmdk } from './containers/vmdk/open.ts';
import { examineDisk } from './disk.ts';
import type { Foreign } from './foreign/foreign.ts';
import { ISO, ISO_START, isIso } from './foreign/iso.ts';
import { recogniseOther } from './foreign/signatures.ts';
import { BudgetExceeded, DEFAULT_LIMITS, type Limits } from './limits.ts';
import { isPartitioned, parseMbr } from './partitions/mbr.ts';
import { notePolyglot } from './polyglot.ts';
import { covers } from './readers/bytes.ts';
import { Meter } from './readers/metered-reader.ts';
import type { RangeReader } from './readers/range-reader.ts';
import { type Image, recogniseImage } from './recognise.ts';
import { type DiskFacts, Findings, type Format, type Report, type Scan } from './report.ts';

/** A file up to this size is read whole; of a larger one its head and its tail are read first. */
const WHOLE_FILE_BYTES = 256 * 1024;
const HEAD_BYTES = 72 * 1024;
const TAIL_BYTES = 64 * 1024;
const SECTOR_BYTES = 512;
/** Both parts of a UDF recognition sequence, or one descriptor of ISO 9660. */
const ISO_BYTES = 4096;

export interface InspectOptions {
  /** What the caller said the bytes are. */
  readonly declaredFormat?: Format;
  readonly limits?: Partial<Limits>;
}

/** A report while it grows. */
type Draft = { -readonly [Field in keyof Report]?: Report[Field] };

interface Inspection {
  readonly meter: Meter;
  readonly limits: Limits;
  readonly declared: Format | undefined;
  readonly findings: Findings;
  readonly report: Draft;
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
  return {
    ...report,
    verdict: findings.refused ? 'reject' : 'accept',
    fileSize: String(source.size),
    cost: { reads: meter.reads, bytes: meter.bytes },
    findings: findings.sorted(),
  };
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

/** A file shorter than one sector: known text is named as such, anything else is too small. */
function judgeScrap(
  { findings, report, meter }: Inspection,
  head: Uint8Array,
  tail: Uint8Array,
  image: Image | undefined,
): void {
  const other = recogniseOther(head, tail, false);
  if (image === undefined && other?.code === 'NOT_A_DISK') {
    report.detected = other.detected;
    findings.add('NOT_A_DISK', { message: other.message });
    return;
  }
  const name = image === undefined ? other?.detected : 'kind' in image ? image.name : image.foreign.detected;
  if (image !== undefined && 'foreign' in image) report.detected = image.foreign.detected;
  else if (other !== undefined) report.detected = other.detected;
  const begins = name === undefined ? '' : `, although it begins as ${name}`;
  findings.add('TOO_SMALL', {
    message: `The file has ${meter.size} bytes, less than one sector${begins}; the upload was probably cut, upload the whole file.`,
    expected: `at least ${SECTOR_BYTES}`,
    found: String(meter.size),
  });
}

function refuseForeign({ findings, report }: Inspection, foreign: Foreign): void {
  report.detected = foreign.detected;
  findings.add(foreign.code, { message: foreign.message });
}

async function openContainer(image: Image | undefined, opening: Opening): Promise<Container> {
  if (image !== undefined && 'kind' in image) {
    if (image.kind === 'QCOW2') return openQcow2(opening);
    if (image.kind === 'VMDK') return openVmdk(opening);
  }
  return openVhd(opening);
}

function noteMismatch({ declared, findings }: Inspection, format: Format): void {
  if (declared === undefined || declared === format) return;
  findings.add('FORMAT_MISMATCH', {
    message: `The file was declared to be ${declared} and is ${format}; declare ${format}, or upload the file you meant.`,
    expected: declared,
    found: format,
  });
}

/** A container that is taken: its header, its tables, and the disk inside. */
async function judgeContainer(inspection: Inspection, container: Container): Promise<void> {
  const { meter, limits, findings, report } = inspection;
  report.format = container.format;
  if (container.variant !== undefined) report.variant = container.variant;
  if (container.virtualSize !== undefined) report.virtualSize = String(container.virtualSize);
  if (container.clusterSize !== undefined) report.clusterSize = String(container.clusterSize);
  noteMismatch(inspection, container.format);
  if (container.guest === undefined || findings.refused) {
    report.features = [...container.features].sort();
    return;
  }
  const allowed = { reads: limits.mappedReads - meter.reads, bytes: limits.mappedBytes - meter.bytes };
  if (container.scan !== undefined) {
    const reader = meter.reader({
      reads: limits.scanReads,
      bytes: limits.scanBytes,
      mergeGapBytes: SCAN_GAP_BYTES,
    });
    report.scan = await container.scan(reader);
  }
  report.features = [...container.features].sort();
  if (findings.refused) return;
  const view = container.guest(meter.reader(allowed));
  const nested = recogniseImage(await view.read(0, Math.min(HEAD_BYTES, view.size)));
  if (nested !== undefined) {
    const name = 'kind' in nested ? nested.name : nested.foreign.detected;
    findings.add('NESTED_IMAGE', {
      message: `The disk inside begins with the header of another image (${name}), which programs that look for one would open; upload the inner image itself, or clear the first sector of the disk.`,
      offset: '0',
      found: name,
    });
    return;
  }
  const fileView = container.guest(meter.reader({ reads: limits.fileReads, bytes: limits.fileBytes }));
  await judgeDisk(inspection, view, fileView, false);
}

/** A file without a header: a compressed or foreign file, a disk as it is, or nothing that is known. */
async function judgePlain(inspection: Inspection, head: Uint8Array, tail: Uint8Array): Promise<void> {
  const { meter, limits, findings, report, declared } = inspection;
  const other = recogniseOther(head, tail, declared === 'RAW');
  if (other !== undefined && other.weak !== true) {
    if (other.detected !== 'DMG' && isPartitioned(parseMbr(head.subarray(0, SECTOR_BYTES)), meter.size)) {
      report.detected = other.detected;
      findings.add('POLYGLOT', {
        message: `The file begins as ${other.detected} and has a partition table, so that programs read it differently; upload the disk alone.`,
        offset: '446',
      });
      return;
    }
    refuseForeign(inspection, other);
    return;
  }
  if (isIso(head.subarray(ISO_START), meter.size)) {
    refuseForeign(inspection, ISO);
    return;
  }
  const allowed = { reads: limits.plainReads - meter.reads, bytes: limits.plainBytes - meter.bytes };
  const view = meter.reader(allowed);
  const fileView = meter.reader({ reads: limits.fileReads, bytes: limits.fileBytes });
  const disk = new Findings();
  const size = meter.size - (meter.size % SECTOR_BYTES);
  const facts = await examineDisk(
    { ...view, size },
    {
      findings: disk,
      wholeFileIsDisk: true,
      declaredRaw: declared === 'RAW',
      limits,
      fileView: { ...fileView, size },
    },
  );
  const { recognised, ...found } = facts;
  if (!recognised && !disk.refused) {
    if (other !== undefined) {
      refuseForeign(inspection, other);
      return;
    }
    if (declared !== 'RAW') {
      findings.add('UNKNOWN_FORMAT', {
        message:
          'No disk image, partition table or file system was recognised; if it is a raw disk on purpose, declare the format RAW.',
      });
      return;
    }
    findings.add('UNRECOGNISED_CONTENT', {
      message:
        'Neither a partition table nor a file system was recognised on the raw disk; check that it is the file you meant.',
    });
  }
  findings.addAll(disk);
  report.format = 'RAW';
  noteMismatch(inspection, 'RAW');
  report.virtualSize = String(size);
  noteUnaligned(inspection);
  noteSize(inspection, size);
  const scan: Scan = { complete: true, tables: 0, allocated: String(size), sparse: false };
  Object.assign(report, found satisfies DiskFacts, { features: [], scan });
}

function noteUnaligned({ meter, findings }: Inspection): void {
  if (meter.size % SECTOR_BYTES === 0) return;
  findings.add('UNALIGNED_SIZE', {
    message:
      'The file is not a multiple of 512 bytes long; a guest does not see the bytes of the last partial sector.',
    found: String(meter.size),
  });
}

function noteSize({ limits, findings }: Inspection, size: number): void {
  if (size <= limits.maxVirtualSizeBytes) return;
  findings.add('TOO_LARGE', {
    message: `The disk of ${size} bytes is above the limit of ${limits.maxVirtualSizeBytes}; shrink it before you upload it.`,
    expected: `at most ${limits.maxVirtualSizeBytes}`,
    found: String(size),
  });
}

/** The disk inside a container. */
async function judgeDisk(
  inspection: Inspection,
  view: RangeReader,
  fileView: RangeReader,
  wholeFileIsDisk: boolean,
): Promise<void> {
  const { findings, limits, declared, report } = inspection;
  if (covers(view.size, ISO_START, ISO_BYTES) && isIso(await view.read(ISO_START, ISO_BYTES), view.size)) {
    refuseForeign(inspection, ISO);
    return;
  }
  const { recognised: _, ...facts } = await examineDisk(view, {
    findings,
    wholeFileIsDisk,
    declaredRaw: declared === 'RAW',
    limits,
    fileView,
  });
  Object.assign(report, facts satisfies DiskFacts);
}
