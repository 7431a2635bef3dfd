/**
 * Header extensions (QEMU `docs/interop/qcow2.rst`, "Header extensions"): from the end of the header to the backing
 * file name or the end of the first cluster. Each is u32 type, u32 length, data, padded to 8; type 0 ends them, and
 * the end of their area does.
 */
import { covers, toNumber, u8, u32be, u64be } from '../../readers/bytes.ts';
import { latin1, untilNul } from '../../readers/text.ts';
import type { FindingCode, Findings } from '../../report.ts';

const REFERENCE = 'qcow2, "Header extensions"';
const MAX_EXTENSIONS = 64;
const MAX_BITMAPS = 65_535;
const MAX_BITMAP_DIRECTORY_BYTES = 64 * 1024 * 1024;
const FEATURE_NAME_BYTES = 48;

const TYPE = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
} as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(TYPE));

export interface Extensions {
  readonly bitmaps: { readonly count: number; readonly offset: number; readonly bytes: number } | undefined;
  /** The writer's own name of a feature bit, made printable, or the bit's number. */
  featureName(set: number, bit: number): string;
  note(findings: Findings): void;
}

/**
 * Walks the extensions from `start` to `end` of the file. When an extension's head passes `bytes` the answer is how
 * many bytes from the file's start are needed.
 */
export function readExtensions(
  bytes: Uint8Array,
  start: number,
  end: number,
): Extensions | { readonly needs: number } {
  const notes: { code: FindingCode; offset: number; message: string; field: string; found?: string }[] = [];
  const names = new Map<string, string>();
  const seen = new Set<number>();
  let bitmaps: Extensions['bitmaps'];
  let at = start;
  for (let walked = 0; ; walked++) {
    if (!covers(end, at, 8)) break;
    if (!covers(bytes.length, at, 8)) return { needs: at + 8 };
    const type = u32be(bytes, at);
    const length = u32be(bytes, at + 4);
    const field = `extension 0x${type.toString(16).padStart(8, '0')}`;
    const note = (code: FindingCode, message: string, found?: string) =>
      notes.push({ code, offset: at, message, field, ...(found === undefined ? {} : { found }) });
    if (type === TYPE.end) break;
    if (walked === MAX_EXTENSIONS) {
      note('BAD_HEADER', `There are more than ${MAX_EXTENSIONS} header extensions; convert the image again.`);
      break;
    }
    if (!covers(end, at + 8, length)) {
      note(
        'BAD_HEADER',
        'A header extension passes the end of its area; convert the image again.',
        String(length),
      );
      break;
    }
    const wanted = type === TYPE.featureNames || type === TYPE.bitmaps ? length : 0;
    if (!covers(bytes.length, at + 8, wanted)) return { needs: at + 8 + wanted };
    if (KNOWN.has(type) && seen.has(type)) {
      note('BAD_HEADER', 'A header extension stands there twice; convert the image again.');
    }
    seen.add(type);
    if (type === TYPE.backingFormat) {
      note(
        'BACKING_FILE',
        'The header names the format of a backing file; flatten the image into one file (qemu-img convert) and upload that.',
      );
    } else if (type === TYPE.encryption) {
      note(
        'ENCRYPTED',
        'The image has an encryption header; convert it to a plain qcow2 before you upload it.',
      );
    } else if (type === TYPE.dataFile) {
      note(
        'EXTERNAL_DATA_FILE',
        'The header names another file that holds the data; convert the image into one file (qemu-img convert) and upload that.',
      );
    } else if (type === TYPE.featureNames) {
      for (let i = at + 8; i + FEATURE_NAME_BYTES <= at + 8 + length; i += FEATURE_NAME_BYTES) {
        const name = latin1(untilNul(bytes.subarray(i + 2, i + FEATURE_NAME_BYTES)));
        names.set(`${u8(bytes, i)}:${u8(bytes, i + 1)}`, name.replace(/[^\x20-\x7e]/g, '?'));
      }
    } else if (type === TYPE.bitmaps) {
      bitmaps = length === 24 ? readBitmaps(bytes, at + 8) : undefined;
      if (bitmaps === undefined) {
        note(
          'BAD_HEADER',
          'The bitmaps extension is out of range; remove the bitmaps or convert the image again.',
        );
      }
    } else {
      note(
        'UNKNOWN_COMPATIBLE_FEATURE',
        'The header has an extension that is not known; the format allows to ignore it.',
      );
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return {
    bitmaps,
    featureName: (set, bit) => {
      const name = names.get(`${set}:${bit}`);
      return name === undefined || name === '' ? `bit ${bit}` : `"${name}" (bit ${bit})`;
    },
    note: (findings) => {
      for (const { code, offset, ...detail } of notes) {
        findings.add(code, { ...detail, offset: String(offset), reference: REFERENCE });
      }
    },
  };
}

function readBitmaps(bytes: Uint8Array, at: number): Extensions['bitmaps'] {
  const count = u32be(bytes, at);
  const length = toNumber(u64be(bytes, at + 8));
  const offset = toNumber(u64be(bytes, at + 16));
  if (count < 1 || count > MAX_BITMAPS || length > MAX_BITMAP_DIRECTORY_BYTES || length < count * 24) {
    return undefined;
  }
  return { count, offset, bytes: length };
}
