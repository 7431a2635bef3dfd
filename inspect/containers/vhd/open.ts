/**
 * VHD: a fixed disk is its bytes and a footer in the last 512; a dynamic disk has a copy of the footer at 0, its own
 * header, a block allocation table, the blocks, and the footer again.
 */

import { covers, toNumber } from '../../readers/bytes.ts';
import { MappedReader, section } from '../../readers/mapped-reader.ts';
import type { RangeReader } from '../../readers/range-reader.ts';
import type { Findings } from '../../report.ts';
import { type Container, checkVirtualSize, type Opening, pastEnd, wholeSectors } from '../container.ts';
import { endsOfTable } from '../stretch.ts';
import { DynamicMapping, HEADER_BYTES, parseDynamic, tableRange } from './dynamic.ts';
import { checkFooter, FOOTER_BYTES, FOOTER_REFERENCE, type Footer, isFooter, parseFooter } from './footer.ts';
import { scanTable } from './scan.ts';

const FIXED = 2;
const DYNAMIC = 3;
const DIFFERENCING = 4;
const NO_DATA_OFFSET = 0xffffffffffffffffn;
/** What old writers put into a fixed disk's data offset. */
const OLD_NO_DATA_OFFSET = 0x00000000ffffffffn;
/** Virtual PC before 2004 wrote one byte less. */
const SHORT_FOOTER_BYTES = 511;

/** The footer at the end of a file: its bytes, padded to 512, and its place; undefined when there is none. */
export function footerAtEnd(
  tail: Uint8Array,
  fileSize: number,
): { readonly bytes: Uint8Array; readonly at: number } | undefined {
  const short = fileSize % FOOTER_BYTES === SHORT_FOOTER_BYTES;
  for (const length of short ? [SHORT_FOOTER_BYTES, FOOTER_BYTES] : [FOOTER_BYTES]) {
    const start = tail.length - length;
    if (start < 0 || !isFooter(tail, start)) continue;
    const bytes = new Uint8Array(FOOTER_BYTES);
    bytes.set(tail.subarray(start));
    return { bytes, at: fileSize - length };
  }
  return undefined;
}

/** Judges a file that begins or ends with a VHD footer. */
export async function openVhd(opening: Opening): Promise<Container> {
  const { file, head, tail, findings, limits } = opening;
  const end = footerAtEnd(tail, file.size);
  const copy = isFooter(head) ? parseFooter(head.subarray(0, FOOTER_BYTES)) : undefined;
  const last = end === undefined ? undefined : parseFooter(end.bytes);
  const footer = chooseFooter(copy, last, end?.at ?? file.size - FOOTER_BYTES, findings);
  const at = footer === copy ? 0 : (end?.at ?? 0);
  const variant = { [FIXED]: 'fixed', [DYNAMIC]: 'dynamic', [DIFFERENCING]: 'differencing' }[footer.type];
  const facts = {
    format: 'VHD' as const,
    ...(variant === undefined ? {} : { variant }),
    virtualSize: footer.size - (footer.size % 512n) || footer.size,
    features: new Set<string>(),
  };
  if (footer.type === DIFFERENCING) {
    findings.add('BACKING_FILE', {
      message:
        'This is a differencing disk, only the changes to another file; merge it with its parent and upload the result.',
      offset: String(at + 60),
      field: 'disk type',
      expected: '2 or 3',
      found: '4',
      reference: FOOTER_REFERENCE,
    });
    return facts;
  }
  // What a footer with a wrong sum says of sizes and places says nothing.
  if (findings.has('BAD_CHECKSUM')) return facts;
  checkFooter(footer, at, findings);
  const sized = checkVirtualSize(findings, limits, footer.size, {
    field: 'current size',
    offset: at + 48,
    reference: FOOTER_REFERENCE,
  });
  if (variant === undefined) {
    findings.add('UNSUPPORTED_VARIANT', {
      message: 'The type of the disk is neither fixed nor dynamic; convert the image.',
      offset: String(at + 60),
      field: 'disk type',
      expected: '2 or 3',
      found: String(footer.type),
      reference: FOOTER_REFERENCE,
    });
    return facts;
  }
  if (!sized) return facts;
  const size = wholeSectors(Number(footer.size));
  if (footer.type === FIXED) return { ...facts, ...openFixed(opening, footer, at, size) };
  return { ...facts, ...(await openDynamic(opening, footer, { copy, last }, at, size)) };
}

/** The footer to believe: the one at the end when it is intact, else the copy; notes what is wrong with either. */
function chooseFooter(
  copy: Footer | undefined,
  last: Footer | undefined,
  lastAt: number,
  findings: Findings,
): Footer {
  const sum = { field: 'checksum', reference: FOOTER_REFERENCE };
  if (copy !== undefined && last === undefined) {
    if (!copy.intact) {
      findings.add('BAD_CHECKSUM', {
        message:
          'The checksum of the footer copy is wrong and there is no footer at the end; upload the file again from a good copy.',
        offset: '64',
        ...sum,
      });
    } else {
      findings.add('TRUNCATED', {
        message:
          'There is no footer at the end of the file although its copy stands at the start; the file was cut, upload the whole.',
        offset: String(lastAt),
        field: 'footer',
        reference: FOOTER_REFERENCE,
      });
    }
    return copy;
  }
  if (last!.intact && copy?.intact === false) {
    findings.add('CREATOR_QUIRK', {
      message: 'The checksum of the footer copy at the start is wrong; the footer at the end was taken.',
      offset: '64',
      ...sum,
    });
  }
  if (last!.intact) return last!;
  if (copy?.intact) {
    findings.add('CREATOR_QUIRK', {
      message: 'The checksum of the footer at the end is wrong; its copy at the start was taken.',
      offset: String(lastAt + 64),
      ...sum,
    });
    return copy;
  }
  findings.add('BAD_CHECKSUM', {
    message:
      'The checksum of the footer is wrong and there is no intact copy; upload the file again from a good copy.',
    offset: String(lastAt + 64),
    ...sum,
  });
  return last!;
}

function openFixed({ file, findings }: Opening, footer: Footer, at: number, size: number) {
  if (footer.dataOffset !== NO_DATA_OFFSET && footer.dataOffset !== OLD_NO_DATA_OFFSET) {
    findings.add('BAD_HEADER', {
      message: 'The footer of a fixed disk names a dynamic disk header; convert the image again.',
      offset: String(at + 16),
      field: 'data offset',
      expected: `0x${NO_DATA_OFFSET.toString(16)}`,
      found: `0x${footer.dataOffset.toString(16)}`,
      reference: FOOTER_REFERENCE,
    });
  }
  if (file.size % FOOTER_BYTES === SHORT_FOOTER_BYTES && at === file.size - SHORT_FOOTER_BYTES) {
    findings.add('CREATOR_QUIRK', {
      message: 'The footer has 511 bytes, as Virtual PC before 2004 wrote it; it was read as if complete.',
      offset: String(at),
      reference: FOOTER_REFERENCE,
    });
  }
  const stored = BigInt(at);
  if (footer.size !== stored) {
    const cut = stored < footer.size;
    findings.add(cut ? 'TRUNCATED' : 'BAD_HEADER', {
      message: cut
        ? 'The file is shorter than the disk that its footer describes; upload the whole file.'
        : 'The file is longer than the disk that its footer describes; convert the image again.',
      offset: String(at + 48),
      field: 'current size',
      expected: String(stored),
      found: String(footer.size),
      reference: FOOTER_REFERENCE,
    });
  }
  if (findings.refused) return {};
  return {
    guest: (reader: RangeReader) => section(reader, 0, size),
    scan: async () => ({ complete: true, tables: 0, allocated: String(size), sparse: false }),
  };
}

async function openDynamic(
  opening: Opening,
  footer: Footer,
  { copy, last }: { readonly copy: Footer | undefined; readonly last: Footer | undefined },
  at: number,
  size: number,
): Promise<Partial<Container>> {
  const { file, findings } = opening;
  // A footer whose sum is wrong counts here too: some programs read the one, some the other, and few the sum.
  if (copy === undefined || (last !== undefined && differ(copy, last))) {
    findings.add('BAD_HEADER', {
      message:
        'A dynamic disk has the same footer at its start and its end, and this one has not; convert the image again.',
      offset: '0',
      field: 'copy of the footer',
      reference: FOOTER_REFERENCE,
    });
  }
  const headerAt = toNumber(footer.dataOffset);
  if (headerAt < FOOTER_BYTES || !covers(file.size, headerAt, HEADER_BYTES)) {
    const cut = headerAt >= FOOTER_BYTES && pastEnd(headerAt, size) === 'TRUNCATED';
    findings.add(cut ? 'TRUNCATED' : 'BAD_HEADER', {
      message:
        'The dynamic disk header is not inside the file; upload the whole file or convert the image again.',
      offset: String(at + 16),
      field: 'data offset',
      found: `0x${footer.dataOffset.toString(16)}`,
      reference: FOOTER_REFERENCE,
    });
    return {};
  }
  const bytes = await file.read(headerAt, HEADER_BYTES);
  const disk = parseDynamic(bytes, headerAt, size, opening);
  if (disk === undefined) return {};
  return {
    clusterSize: disk.blockBytes,
    firstRanges: endsOfTable(tableRange(disk), FOOTER_BYTES, file.size),
    guest: (reader) => new MappedReader(reader, new DynamicMapping(reader, disk, findings)),
    scan: (reader) => scanTable(reader, disk, opening),
  };
}

function differ(a: Footer, b: Footer): boolean {
  return a.size !== b.size || a.type !== b.type || a.dataOffset !== b.dataOffset;
}
