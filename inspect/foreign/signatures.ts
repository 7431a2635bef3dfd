/**
 * Compression, archives, documents, programs and media by their first and last bytes. A magic is strong when four or
 * more of its bytes are fixed; a weak one loses against a partition table or a file system.
 */
import { covers, hasAscii, hasBytes, u8, u16le, u32be, u32le, u64le } from '../readers/bytes.ts';
import type { RefusalCode } from '../report.ts';
import { archiveMembers, gzipName, isTar, isZip } from './archives.ts';
import { documentKind, isText } from './documents.ts';
import { CONVERT, type Foreign, unsupported } from './foreign.ts';

interface Signature {
  readonly detected: string;
  readonly code: RefusalCode;
  readonly name: string;
  readonly magic: string | readonly number[];
  readonly weak?: true;
  readonly also?: (head: Uint8Array) => boolean;
}

const SIGNATURES: readonly Signature[] = [
  { detected: 'WIM', code: 'UNSUPPORTED_FORMAT', name: 'a Windows imaging file (WIM)', magic: 'MSWIM\0\0\0' },
  {
    detected: 'ANDROID_SPARSE',
    code: 'UNSUPPORTED_FORMAT',
    name: 'an Android sparse image',
    magic: [0x3a, 0xff, 0x26, 0xed],
  },
  {
    detected: 'EWF',
    code: 'UNSUPPORTED_FORMAT',
    name: 'an Expert Witness image',
    magic: [0x45, 0x56, 0x46, 0x09, 0x0d, 0x0a, 0xff, 0x00],
  },
  {
    detected: 'GZIP',
    code: 'COMPRESSED',
    name: 'gzip',
    magic: [0x1f, 0x8b, 0x08],
    also: (head) => (head[3]! & 0xe0) === 0,
  },
  { detected: 'XZ', code: 'COMPRESSED', name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { detected: 'ZSTD', code: 'COMPRESSED', name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { detected: 'BZIP2', code: 'COMPRESSED', name: 'bzip2', magic: 'BZh', also: isBzip2 },
  { detected: 'LZ4', code: 'COMPRESSED', name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { detected: 'LZ4', code: 'COMPRESSED', name: 'lz4', magic: [0x02, 0x21, 0x4c, 0x18] },
  { detected: 'LZIP', code: 'COMPRESSED', name: 'lzip', magic: 'LZIP' },
  { detected: 'LZMA', code: 'COMPRESSED', name: 'lzma', magic: [0x5d, 0x00, 0x00], weak: true, also: isLzma },
  { detected: 'Z', code: 'COMPRESSED', name: 'compress', magic: [0x1f, 0x9d], weak: true },
  { detected: '7Z', code: 'ARCHIVE', name: 'a 7z archive', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { detected: 'RAR', code: 'ARCHIVE', name: 'a RAR archive', magic: 'Rar!\x1a\x07' },
  { detected: 'CAB', code: 'ARCHIVE', name: 'a cabinet archive', magic: 'MSCF' },
  { detected: 'CPIO', code: 'ARCHIVE', name: 'a cpio archive', magic: '070701' },
  { detected: 'CPIO', code: 'ARCHIVE', name: 'a cpio archive', magic: '070702' },
  {
    detected: 'AR',
    code: 'NOT_A_DISK',
    name: 'an ar archive, as packages and libraries are',
    magic: '!<arch>\n',
  },
  { detected: 'RPM', code: 'NOT_A_DISK', name: 'an RPM package', magic: [0xed, 0xab, 0xee, 0xdb] },
  { detected: 'ELF', code: 'NOT_A_DISK', name: 'an ELF program', magic: '\x7fELF' },
  { detected: 'PDF', code: 'NOT_A_DISK', name: 'a PDF document', magic: '%PDF-' },
  {
    detected: 'PNG',
    code: 'NOT_A_DISK',
    name: 'a PNG picture',
    magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  },
  { detected: 'JPEG', code: 'NOT_A_DISK', name: 'a JPEG picture', magic: [0xff, 0xd8, 0xff], weak: true },
  { detected: 'GIF', code: 'NOT_A_DISK', name: 'a GIF picture', magic: 'GIF8' },
  { detected: 'PE', code: 'NOT_A_DISK', name: 'a Windows program', magic: 'MZ', weak: true, also: isPe },
  { detected: 'SHEBANG', code: 'NOT_A_DISK', name: 'a script', magic: '#!', weak: true },
];

function isBzip2(head: Uint8Array): boolean {
  const level = head[3]!;
  const block = hasBytes(head, 4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
  return level >= 0x31 && level <= 0x39 && (block || hasBytes(head, 4, [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]));
}

/** The size of an lzma file is unknown (all ones) or believable: its magic alone is three bytes of anything. */
function isLzma(head: Uint8Array): boolean {
  if (!covers(head.length, 0, 13)) return false;
  const size = u64le(head, 5);
  return size === 0xffffffffffffffffn || (size > 0n && size < 1n << 48n);
}

/** Boot code may begin with `MZ`: a program has its second signature where the first header says. */
function isPe(head: Uint8Array): boolean {
  return covers(head.length, 60, 4) && hasAscii(head, u32le(head, 60), 'PE\0\0');
}

const WAY: Partial<Record<RefusalCode, string>> = {
  COMPRESSED: 'decompress it first and upload the disk itself',
  ARCHIVE: 'unpack it and upload the disk inside',
  NOT_A_DISK: 'upload a disk image',
};

function refuse(signature: Signature, detail = ''): Foreign {
  const { code, detected, name } = signature;
  const what = code === 'COMPRESSED' ? `The file is compressed with ${name}` : `This is ${name}`;
  const way = WAY[code] ?? CONVERT;
  return { detected, code, message: `${what}${detail}; ${way}.`, weak: signature.weak ?? false };
}

/**
 * Compression, archives, documents, programs and media at the start of a file. Strong magics come before weak ones.
 * `declaredRaw` lets a file system image through that is taken only when it is declared to be a raw disk.
 */
export function recogniseOther(
  head: Uint8Array,
  tail: Uint8Array,
  declaredRaw: boolean,
): Foreign | undefined {
  if (isDmg(tail)) return unsupported('DMG', 'an Apple disk image (DMG)');
  const matching = SIGNATURES.filter(
    ({ magic, also }) =>
      (typeof magic === 'string' ? hasAscii(head, 0, magic) : hasBytes(head, 0, magic)) &&
      (also?.(head) ?? true),
  );
  const strong = matching.find((signature) => signature.weak !== true);
  if (strong !== undefined) return refuse(strong, strong.detected === 'GZIP' ? gzipName(head) : '');
  if (isZstdSkippable(head)) {
    return refuse({ detected: 'ZSTD', code: 'COMPRESSED', name: 'zstd', magic: '' });
  }
  if (isTar(head))
    return refuse(
      { detected: 'TAR', code: 'ARCHIVE', name: 'a tar archive', magic: '' },
      archiveMembers(head),
    );
  if (isZip(head))
    return refuse(
      { detected: 'ZIP', code: 'ARCHIVE', name: 'a zip archive', magic: '' },
      archiveMembers(head),
    );
  if (!declaredRaw && isSquashfs(head))
    return unsupported(
      'SQUASHFS',
      'a squashfs file system',
      'declare the format RAW if it is meant as a disk',
    );
  const document = documentKind(head);
  if (document !== undefined) return document;
  const weak = matching[0];
  if (weak !== undefined) return refuse(weak);
  return isText(head)
    ? {
        detected: 'TEXT',
        code: 'NOT_A_DISK',
        message: 'This is plain text; upload a disk image.',
        weak: true,
      }
    : undefined;
}

export function isDmg(tail: Uint8Array): boolean {
  const at = tail.length - 512;
  return at >= 0 && hasAscii(tail, at, 'koly') && u32be(tail, at + 4) === 4 && u32be(tail, at + 8) === 512;
}

function isZstdSkippable(head: Uint8Array): boolean {
  return covers(head.length, 0, 4) && (u8(head, 0) & 0xf0) === 0x50 && hasBytes(head, 1, [0x2a, 0x4d, 0x18]);
}

function isSquashfs(head: Uint8Array): boolean {
  return (
    covers(head.length, 0, 96) &&
    ((hasAscii(head, 0, 'hsqs') && u16le(head, 28) === 4) || hasAscii(head, 0, 'sqsh'))
  );
}
