/**
 * What a file is, by its first and last bytes: the containers that are taken, and everything else that is refused by
 * name. A magic is strong when four or more of its bytes are fixed; a weak one loses against a partition table or a
 * file system, because boot code and data may begin with the same few bytes.
 */
import { archiveMembers, gzipName, isTar, isZip } from './archives.ts';
import { documentKind, isText } from './documents.ts';
import {
  allZero,
  covers,
  hasAscii,
  hasBytes,
  toNumber,
  u8,
  u16be,
  u16le,
  u32be,
  u32le,
  u64le,
} from './readers/bytes.ts';
import type { RefusalCode } from './report.ts';

export type ContainerKind = 'QCOW2' | 'VMDK' | 'VHD';

/** Something that is not taken: what it is, the code, and a sentence with the way out. */
export interface Foreign {
  readonly detected: string;
  readonly code: RefusalCode;
  readonly message: string;
  readonly weak?: boolean;
}

export type Image = { readonly kind: ContainerKind; readonly name: string } | { readonly foreign: Foreign };

const CONVERT = 'convert it to qcow2 (qemu-img convert -O qcow2) and upload that';

function image(detected: string, name: string, way = CONVERT): { readonly foreign: Foreign } {
  return {
    foreign: {
      detected,
      code: 'UNSUPPORTED_FORMAT',
      message: `This is ${name}, which is not taken; ${way}.`,
    },
  };
}

/**
 * Headers of disk images at the start of a file or of a guest's disk: whatever a program that probes would open as
 * an image of its own. `bytes` is the first 512 or more.
 */
export function recogniseImage(bytes: Uint8Array): Image | undefined {
  if (hasBytes(bytes, 0, [0x51, 0x46, 0x49, 0xfb])) {
    return covers(bytes.length, 4, 4) && u32be(bytes, 4) === 1
      ? image('QCOW1', 'a qcow image of version 1')
      : { kind: 'QCOW2', name: 'qcow2' };
  }
  if (hasAscii(bytes, 0, 'KDMV') || hasAscii(bytes, 0, 'kdmv') || isSeSparse(bytes)) {
    return { kind: 'VMDK', name: 'VMDK' };
  }
  if (hasAscii(bytes, 0, 'conectix')) return { kind: 'VHD', name: 'VHD' };
  if (hasAscii(bytes, 0, 'COWD')) return image('COWD', 'an old ESX copy-on-write disk (COWD)');
  if (hasAscii(bytes, 0, 'vhdxfile')) return image('VHDX', 'a VHDX image');
  if (hasAscii(bytes, 0, 'QED\0')) return image('QED', 'a QED image');
  if (hasAscii(bytes, 0, 'WithoutFreeSpace') || hasAscii(bytes, 0, 'WithouFreSpacExt')) {
    return image('PARALLELS', 'a Parallels disk');
  }
  if (hasAscii(bytes, 0, 'Bochs Virtual HD Image')) return image('BOCHS', 'a Bochs disk');
  if (hasAscii(bytes, 0, '#!/bin/sh\n#V2.0 Format\n')) return image('CLOOP', 'a cloop image');
  if (isLuks(bytes)) {
    return image(
      'LUKS',
      'a LUKS-encrypted disk as a whole',
      'upload the disk decrypted, or encrypt only its partitions',
    );
  }
  if (hasBytes(bytes, 64, [0x7f, 0x10, 0xda, 0xbe])) return image('VDI', 'a VirtualBox disk image (VDI)');
  return isVmdkText(bytes) ? { kind: 'VMDK', name: 'VMDK descriptor' } : undefined;
}

/** seSparse extents of ESXi begin with a constant of their own. */
export function isSeSparse(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0]);
}

function isLuks(bytes: Uint8Array): boolean {
  if (!hasBytes(bytes, 0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) || !covers(bytes.length, 6, 2)) return false;
  const version = u16be(bytes, 6);
  return version === 1 || version === 2;
}

/**
 * A stand-alone VMDK descriptor: after lines that begin with `#` and blank lines comes `version=1`, `2` or `3`. A
 * script whose second line says so is one too.
 */
export function isVmdkText(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    let end = bytes.indexOf(0x0a, at);
    if (end < 0) end = bytes.length;
    const comment = bytes[at] === 0x23;
    let blank = true;
    for (let i = at; i < end && blank && !comment; i++) blank = bytes[i] === 0x20 || bytes[i] === 0x0d;
    if (!comment && !blank) {
      const version = bytes[at + 8];
      const terminated = bytes[at + 9] === 0x0a || hasBytes(bytes, at + 9, [0x0d, 0x0a]);
      return hasAscii(bytes, at, 'version=') && version! >= 0x31 && version! <= 0x33 && terminated;
    }
    at = end + 1;
  }
  return false;
}

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
  if (isDmg(tail)) return image('DMG', 'an Apple disk image (DMG)').foreign;
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
    return image('SQUASHFS', 'a squashfs file system', 'declare the format RAW if it is meant as a disk')
      .foreign;
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

const ISO_DESCRIPTOR_BYTES = 2048;
/** Where a medium's descriptors begin, whatever stands before them. */
export const ISO_START = 32_768;

/**
 * A medium whose primary volume descriptor holds together (ECMA-119, section 8.4), or a UDF recognition sequence
 * (ECMA-167, part 2, section 9). `bytes` are the disk's from `ISO_START`, at least one descriptor of them.
 */
export function isIso(bytes: Uint8Array, diskSize: number): boolean {
  if (!covers(bytes.length, 0, ISO_DESCRIPTOR_BYTES)) return false;
  if (hasAscii(bytes, 1, 'BEA01') && allZero(bytes, 0, 1)) {
    return (
      hasAscii(bytes, ISO_DESCRIPTOR_BYTES + 1, 'NSR02') || hasAscii(bytes, ISO_DESCRIPTOR_BYTES + 1, 'NSR03')
    );
  }
  if (!hasAscii(bytes, 1, 'CD001') || u8(bytes, 0) !== 1 || u8(bytes, 6) !== 1) return false;
  const blockBytes = u16le(bytes, 128);
  if (blockBytes !== 2048 || u16be(bytes, 130) !== 2048) return false;
  return toNumber(u64le(bytes, 80) & 0xffffffffn) * blockBytes <= diskSize + 1024 * 1024;
}

export const ISO: Foreign = image(
  'ISO9660',
  'an ISO 9660 medium',
  'install from it and upload the disk that comes out',
).foreign;
