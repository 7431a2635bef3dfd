/** The feature words of a version 3 header (QEMU `docs/interop/qcow2.rst`, "Header", bytes 72 to 112). */
import { allZero, u8, u64be } from '../../readers/bytes.ts';
import type { Findings } from '../../report.ts';
import type { Extensions } from './extensions.ts';

export const REFERENCE = 'qcow2, "Header"';
export const V3_HEADER_BYTES = 104;
const INCOMPATIBLE = { dirty: 0, corrupt: 1, dataFile: 2, compressionType: 3, extendedL2: 4 } as const;
const AUTOCLEAR_RAW_DATA = 1;

/** What a version 2 header says of itself by having no such words. */
export const PLAIN: Flags = { extendedL2: false, bitmapsConsistent: false, compression: 'DEFLATE' };

interface Flags {
  readonly extendedL2: boolean;
  readonly bitmapsConsistent: boolean;
  readonly compression: 'DEFLATE' | 'ZSTD';
}

/** Feature words, compression type and padding of a version 3 header. */
export function readFeatures(
  bytes: Uint8Array,
  headerBytes: number,
  extensions: Extensions,
  features: Set<string>,
  findings: Findings,
): Flags {
  const incompatible = u64be(bytes, 72);
  const has = (bit: number) => ((incompatible >> BigInt(bit)) & 1n) === 1n;
  const where = { offset: '72', field: 'incompatible_features', reference: REFERENCE };
  for (let bit = 5; bit < 64; bit++) {
    if (!has(bit)) continue;
    findings.add('UNKNOWN_FEATURE', {
      message: `The image needs a feature that is not known: ${extensions.featureName(0, bit)}; convert it without that feature.`,
      ...where,
      found: `bit ${bit}`,
    });
  }
  if (has(INCOMPATIBLE.dirty)) {
    findings.add('DIRTY', {
      message:
        'The image was not closed properly and its reference counts may be wrong; its data are read safely, qemu-img check -r all mends it.',
      ...where,
    });
  }
  if (has(INCOMPATIBLE.corrupt)) {
    findings.add('MARKED_CORRUPT', {
      message:
        'The program that wrote the image marked it as corrupt; mend it (qemu-img check -r all) or convert it from a good copy.',
      ...where,
    });
  }
  if (has(INCOMPATIBLE.dataFile)) {
    findings.add('EXTERNAL_DATA_FILE', {
      message:
        'The data of the image are in another file; convert it into one file (qemu-img convert) and upload that.',
      ...where,
    });
  }
  const extendedL2 = has(INCOMPATIBLE.extendedL2);
  if (extendedL2) features.add('EXTENDED_L2');

  const compatible = u64be(bytes, 80);
  if ((compatible & 1n) === 1n) features.add('LAZY_REFCOUNTS');
  noteCompatible(compatible & ~1n, 80, 'compatible_features', findings);
  const autoclear = u64be(bytes, 88);
  noteCompatible(autoclear & ~3n, 88, 'autoclear_features', findings);
  if ((autoclear >> BigInt(AUTOCLEAR_RAW_DATA)) & 1n && !has(INCOMPATIBLE.dataFile)) {
    findings.add('BAD_HEADER', {
      message:
        'The header says that its external data file is raw, but has no external data file; convert the image again.',
      offset: '88',
      field: 'autoclear_features',
      reference: REFERENCE,
    });
  }

  const type = headerBytes > V3_HEADER_BYTES ? u8(bytes, 104) : 0;
  const typeWhere = { offset: '104', field: 'compression_type', found: String(type), reference: REFERENCE };
  if (type > 1) {
    findings.add('UNSUPPORTED_VARIANT', {
      message:
        'The clusters are compressed by a method that is not known; convert the image with deflate or zstd.',
      expected: '0 (deflate) or 1 (zstd)',
      ...typeWhere,
    });
  } else if (has(INCOMPATIBLE.compressionType) !== (type !== 0)) {
    findings.add('BAD_HEADER', {
      message: 'The compression type and its feature bit contradict each other; convert the image again.',
      ...typeWhere,
    });
  }
  const known = Math.min(112, headerBytes);
  if (known > 105 && !allZero(bytes, 105, known - 105)) {
    findings.add('UNKNOWN_COMPATIBLE_FEATURE', {
      message: 'The header has a field behind the compression type that is not known; it was ignored.',
      offset: '105',
      reference: REFERENCE,
    });
  }
  return {
    extendedL2,
    bitmapsConsistent: (autoclear & 1n) === 1n,
    compression: type === 1 ? 'ZSTD' : 'DEFLATE',
  };
}

function noteCompatible(bits: bigint, offset: number, field: string, findings: Findings): void {
  if (bits === 0n) return;
  findings.add('UNKNOWN_COMPATIBLE_FEATURE', {
    message: 'The image uses a compatible feature that is not known; the format allows to ignore it.',
    offset: String(offset),
    field,
    found: `0x${bits.toString(16)}`,
    reference: REFERENCE,
  });
}
