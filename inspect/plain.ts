/** Files without the header of a container: disks as they are, and everything that is no disk. */
import { examineDisk } from './disk.ts';
import { ISO, ISO_START, isIso, isUdf } from './foreign/iso.ts';
import { recogniseOther } from './foreign/signatures.ts';
import { type Inspection, noteMismatch, refuseForeign } from './inspection.ts';
import { isPartitioned, parseMbr } from './partitions/mbr.ts';
import type { Image } from './recognise.ts';
import { Findings } from './report.ts';

const SECTOR_BYTES = 512;

/** A file shorter than one sector: known text is named as such, anything else is too small. */
export function judgeScrap(
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

/** A file without a header: a compressed or foreign file, a disk as it is, or nothing that is known. */
export async function judgePlain(inspection: Inspection, head: Uint8Array, tail: Uint8Array): Promise<void> {
  const { meter, limits, findings, report, declared } = inspection;
  const other = recogniseOther(head, tail, declared === 'RAW');
  const partitioned = isPartitioned(parseMbr(head.subarray(0, SECTOR_BYTES)), meter.size);
  if (other !== undefined && other.weak !== true) {
    if (other.detected !== 'DMG' && partitioned) {
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
  const medium = head.subarray(ISO_START);
  // A disk that was a medium before keeps the mark of UDF in front of its first partition.
  if (isIso(medium, meter.size) || (isUdf(medium) && !partitioned)) {
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
  const scan = { complete: true, tables: 0, allocated: String(size), sparse: false };
  Object.assign(report, found, { features: [], scan });
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
