/** VMDK: one sparse extent with its descriptor inside, in place (monolithicSparse) or as a stream (streamOptimized). */
import { allZero, covers, hasAscii, toNumber, u32le, u64le } from '../../readers/bytes.ts';
import { MappedReader } from '../../readers/mapped-reader.ts';
import { isSeSparse } from '../../recognise.ts';
import type { Findings } from '../../report.ts';
import { type Container, checkVirtualSize, type Opening, pastEnd, wholeSectors } from '../container.ts';
import { endsOfTable } from '../stretch.ts';
import { checkDescriptor, DESCRIPTOR_REFERENCE, type Descriptor, parseDescriptor } from './descriptor.ts';
import {
  AGREEING,
  checkSparseHeader,
  HEADER_BYTES,
  HEADER_REFERENCE,
  isSparseHeader,
  parseSparseHeader,
  SECTOR_BYTES,
  type SparseHeader,
} from './header.ts';
import {
  directoryRange,
  type Extent,
  MARKER_REFERENCE,
  SparseMapping,
  TABLE_ENTRIES,
  TABLES_REFERENCE,
} from './mapping.ts';
import { scanTables } from './scan.ts';

/** How far behind 512 programs search a descriptor, whatever its announced size. */
const SEARCHED_BYTES = 10_240;
/** Footer marker, footer, end-of-stream marker. */
const FOOTER_BYTES = 3 * SECTOR_BYTES;
const FOOTER_MARKER = 3;
/** Zeros that transfer tools append behind the end of a stream. */
const MAX_PADDING_BYTES = 64 * 1024;

/** Judges a file that begins with a sparse header or with the text of a descriptor. */
export async function openVmdk(opening: Opening): Promise<Container> {
  const { file, head, findings, limits } = opening;
  const features = new Set<string>();
  if (isSeSparse(head)) return refuseVariant(findings, 'seSparse', features);
  if (hasAscii(head, 0, 'kdmv')) {
    findings.add('TRUNCATED', {
      message: 'The conversion that wrote this file was interrupted; convert the disk again.',
      offset: '0',
      field: 'magic',
      expected: 'KDMV',
      found: 'kdmv',
      reference: HEADER_REFERENCE,
    });
    return { format: 'VMDK', features };
  }
  if (!isSparseHeader(head)) {
    const descriptor = parseDescriptor(head);
    checkDescriptor(descriptor, undefined, 0, findings);
    return { format: 'VMDK', ...variantOf(descriptor), features };
  }
  const first = parseSparseHeader(head);
  if (first.version < 1 || first.version > 3) {
    findings.add('UNSUPPORTED_VERSION', {
      message: `This is VMDK version ${first.version}; convert the image again (qemu-img convert -O vmdk).`,
      offset: '4',
      field: 'version',
      expected: '1, 2 or 3',
      found: String(first.version),
      reference: HEADER_REFERENCE,
    });
    return { format: 'VMDK', features };
  }
  checkSparseHeader(head, first, file.size, findings);
  const descriptor = await readDescriptor(opening, first);
  if (descriptor !== undefined) checkDescriptor(descriptor, first, SECTOR_BYTES, findings);
  if (first.compressed) features.add('COMPRESSED_DEFLATE');
  const bytes = first.capacity * BigInt(SECTOR_BYTES);
  const sized = checkVirtualSize(findings, limits, bytes, {
    field: 'capacity',
    offset: 12,
    reference: HEADER_REFERENCE,
  });
  const header = first.directoryAtEnd ? await readFooter(opening, first) : first;
  if (header !== first && header !== undefined) features.add('STREAM_FOOTER');
  const grainBytes = toNumber(first.grainSectors) * SECTOR_BYTES;
  const facts: Container = {
    format: 'VMDK',
    ...(descriptor === undefined ? {} : variantOf(descriptor)),
    virtualSize: bytes,
    ...(Number.isFinite(grainBytes) && grainBytes > 0 ? { clusterSize: grainBytes } : {}),
    features,
  };
  if (header === undefined || !sized || findings.refused) return facts;
  const extent = placeDirectory(
    header,
    wholeSectors(Number(bytes)),
    grainBytes,
    file.size,
    header !== first,
    findings,
  );
  if (extent === undefined) return facts;
  return {
    ...facts,
    firstRanges: endsOfTable(directoryRange(extent), SECTOR_BYTES, file.size),
    scan: (reader) => scanTables(reader, extent, opening),
    guest: (reader) => new MappedReader(reader, new SparseMapping(reader, extent, findings)),
  };
}

function refuseVariant(findings: Findings, variant: string, features: Set<string>): Container {
  findings.add('UNSUPPORTED_VARIANT', {
    message: `A VMDK of the kind ${variant} is not taken; convert it to streamOptimized or monolithicSparse, or to qcow2.`,
    offset: '0',
    field: 'magic',
    found: variant,
    reference: 'VMDK 5.0, "Layout Basics"',
  });
  return { format: 'VMDK', variant, features };
}

function variantOf({ values }: Descriptor): { readonly variant?: string } {
  const type = values.get('createtype');
  return type !== undefined && /^[A-Za-z0-9]{1,40}$/.test(type) ? { variant: type } : {};
}

/** The embedded descriptor; undefined when its place is wrong, which the header's checks have noted. */
async function readDescriptor(
  { file, findings }: Opening,
  header: SparseHeader,
): Promise<Descriptor | undefined> {
  const announced = toNumber(header.descriptorSectors) * SECTOR_BYTES;
  if (header.descriptorSector !== 1n || announced < SECTOR_BYTES || announced > 1024 * 1024) return undefined;
  const there = Math.min(announced, file.size - HEADER_BYTES);
  const bytes = await file.read(
    HEADER_BYTES,
    Math.min(Math.max(announced, SEARCHED_BYTES), file.size - HEADER_BYTES),
  );
  const end = bytes.subarray(0, there).indexOf(0);
  if (there < announced) {
    findings.add('TRUNCATED', {
      message: 'The file ends within its descriptor; upload the whole file.',
      offset: '36',
      field: 'descriptor size',
      reference: HEADER_REFERENCE,
    });
    // Half a text says nothing of what it leads to.
    if (end < 0) return undefined;
  } else if (end < 0) {
    findings.add('BAD_HEADER', {
      message:
        'The descriptor does not end inside its space, so programs read on into the tables; convert the image again.',
      offset: String(HEADER_BYTES),
      field: 'descriptor',
      reference: DESCRIPTOR_REFERENCE,
    });
  }
  return parseDescriptor(bytes);
}

/**
 * The header copy in the last three sectors of a stream: it knows where the grain directory is. Zeros that a
 * transfer appended are looked past. Undefined when there is none, or one that contradicts the header.
 */
async function readFooter(
  { file, tail, findings }: Opening,
  first: SparseHeader,
): Promise<SparseHeader | undefined> {
  const truncated = (message: string): undefined => {
    findings.add('TRUNCATED', {
      message,
      offset: String(file.size),
      field: 'footer',
      reference: MARKER_REFERENCE,
    });
  };
  const reach = Math.min(file.size, MAX_PADDING_BYTES + FOOTER_BYTES);
  const end =
    reach <= tail.length ? tail.subarray(tail.length - reach) : await file.read(file.size - reach, reach);
  let at = end.length - FOOTER_BYTES;
  while (at >= 0 && !isFooterAt(end, at) && allZero(end, at + FOOTER_BYTES - SECTOR_BYTES, SECTOR_BYTES)) {
    at -= SECTOR_BYTES;
  }
  if (at < 0 || !isFooterAt(end, at)) {
    return truncated(
      'The header puts the grain directory into a footer, and there is none at the end; upload the whole file.',
    );
  }
  const padding = end.length - at - FOOTER_BYTES;
  if (padding > 0) {
    findings.add('TRAILING_DATA', {
      message: `${padding} zero bytes follow the end of the stream; they are stored for nothing.`,
      offset: String(file.size - padding),
      reference: MARKER_REFERENCE,
    });
  }
  const place = file.size - end.length + at + SECTOR_BYTES;
  const footer = parseSparseHeader(end, at + SECTOR_BYTES);
  const different = AGREEING.find((field) => footer[field] !== first[field]);
  if (different !== undefined || footer.directoryAtEnd || footer.compressed !== first.compressed) {
    findings.add('BAD_HEADER', {
      message: 'The footer contradicts the header, so programs see different disks; export the image again.',
      offset: String(place),
      field: different ?? (footer.directoryAtEnd ? 'grain directory' : 'compression'),
      reference: HEADER_REFERENCE,
    });
    return undefined;
  }
  return footer;
}

/** A footer marker, a sparse header and an end-of-stream marker, in three sectors. */
function isFooterAt(bytes: Uint8Array, at: number): boolean {
  return (
    covers(bytes.length, at, FOOTER_BYTES) &&
    u64le(bytes, at) === 1n &&
    u32le(bytes, at + 8) === 0 &&
    u32le(bytes, at + 12) === FOOTER_MARKER &&
    isSparseHeader(bytes, at + SECTOR_BYTES) &&
    allZero(bytes, at + 2 * SECTOR_BYTES, SECTOR_BYTES)
  );
}

function placeDirectory(
  header: SparseHeader,
  size: number,
  grainBytes: number,
  fileSize: number,
  footer: boolean,
  findings: Findings,
): Extent | undefined {
  const tables = Math.ceil(size / (grainBytes * TABLE_ENTRIES));
  const headBytes = HEADER_BYTES + toNumber(header.descriptorSectors) * SECTOR_BYTES;
  const place = (sector: bigint, field: string, at: number): number | undefined => {
    const offset = toNumber(sector) * SECTOR_BYTES;
    const where = { offset: String(at), field, found: String(sector), reference: TABLES_REFERENCE };
    if (offset < headBytes) {
      findings.add('BAD_HEADER', {
        message: `The ${field} lies inside the header of the file; convert the image again.`,
        ...where,
      });
      return undefined;
    }
    if (!covers(fileSize, offset, tables * 4)) {
      findings.add(pastEnd(offset, size), {
        message: `The file ends before its ${field}; upload the whole file.`,
        ...where,
      });
      return undefined;
    }
    return offset;
  };
  const directory = place(header.directory, 'grain directory', 56);
  const second = header.redundant && header.redundantDirectory !== 0n;
  const redundantDirectory = second
    ? place(header.redundantDirectory, 'redundant grain directory', 48)
    : undefined;
  if (directory === undefined || (second && redundantDirectory === undefined)) return undefined;
  return {
    size,
    fileSize,
    grainBytes,
    directory,
    redundantDirectory,
    tables,
    compressed: header.compressed,
    markers: header.markers,
    zeroedGrains: header.zeroedGrains,
    headBytes,
    overheadBytes: toNumber(header.overhead) * SECTOR_BYTES,
    footer,
  };
}
