import { describe, expect, it } from 'vitest';
import type { InspectOptions } from '../../../inspect/inspect.ts';
import { inspect } from '../../../inspect/inspect.ts';
import { bytesReader, corpusEntry, corpusReader } from '../../corpus.ts';
import { codes, judge, refusals } from './build/judge.ts';
import { Packer } from './build/packer.ts';
import { qcow2 } from './build/qcow2.ts';
import { fixed } from './build/vhd.ts';
import { descriptorText } from './build/vmdk.ts';

/** Bytes that are no text, so that only the magic can tell what they are. */
function file(size = 4096): Packer {
  const image = Packer.ofSize(size);
  for (let i = 0; i < size; i++) image.u8(i, (i * 37) & 0xff);
  return image.fill(440, 72, 0xee);
}

type Case = readonly [detected: string, code: string, build: () => Packer];

const KNOWN: readonly Case[] = [
  ['VHDX', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'vhdxfile')],
  ['VDI', 'UNSUPPORTED_FORMAT', () => file().put(64, [0x7f, 0x10, 0xda, 0xbe])],
  ['QED', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'QED\0')],
  ['QCOW1', 'UNSUPPORTED_FORMAT', () => file().put(0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1])],
  ['PARALLELS', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'WithoutFreeSpace').u32le(16, 2)],
  ['PARALLELS', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'WithouFreSpacExt').u32le(16, 2)],
  ['BOCHS', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'Bochs Virtual HD Image').ascii(32, 'Redolog')],
  ['CLOOP', 'UNSUPPORTED_FORMAT', () => file().ascii(0, '#!/bin/sh\n#V2.0 Format\n')],
  ['LUKS', 'UNSUPPORTED_FORMAT', () => file().put(0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 2])],
  ['COWD', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'COWD')],
  [
    'DMG',
    'UNSUPPORTED_FORMAT',
    () =>
      file()
        .ascii(4096 - 512, 'koly')
        .u32be(4096 - 508, 4)
        .u32be(4096 - 504, 512),
  ],
  ['WIM', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'MSWIM\0\0\0')],
  ['ISO9660', 'UNSUPPORTED_FORMAT', () => iso(file(65_536))],
  ['SQUASHFS', 'UNSUPPORTED_FORMAT', () => file().ascii(0, 'hsqs').u16le(28, 4)],
  ['ANDROID_SPARSE', 'UNSUPPORTED_FORMAT', () => file().put(0, [0x3a, 0xff, 0x26, 0xed])],
  ['EWF', 'UNSUPPORTED_FORMAT', () => file().put(0, [0x45, 0x56, 0x46, 9, 0x0d, 0x0a, 0xff, 0])],
  ['GZIP', 'COMPRESSED', () => file().put(0, [0x1f, 0x8b, 8, 0])],
  ['XZ', 'COMPRESSED', () => file().put(0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])],
  ['ZSTD', 'COMPRESSED', () => file().put(0, [0x28, 0xb5, 0x2f, 0xfd])],
  ['ZSTD', 'COMPRESSED', () => file().put(0, [0x5e, 0x2a, 0x4d, 0x18])],
  ['BZIP2', 'COMPRESSED', () => file().ascii(0, 'BZh9').put(4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])],
  ['LZ4', 'COMPRESSED', () => file().put(0, [0x04, 0x22, 0x4d, 0x18])],
  ['LZ4', 'COMPRESSED', () => file().put(0, [0x02, 0x21, 0x4c, 0x18])],
  ['LZIP', 'COMPRESSED', () => file().ascii(0, 'LZIP')],
  ['LZMA', 'COMPRESSED', () => file().put(0, [0x5d, 0, 0, 0x80, 0]).u64le(5, 0xffffffffffffffffn)],
  ['Z', 'COMPRESSED', () => file().put(0, [0x1f, 0x9d])],
  ['TAR', 'ARCHIVE', () => file().ascii(257, 'ustar\x0000')],
  ['TAR', 'ARCHIVE', () => file().ascii(257, 'ustar  \0')],
  ['ZIP', 'ARCHIVE', () => file().ascii(0, 'PK\x03\x04')],
  ['7Z', 'ARCHIVE', () => file().put(0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])],
  ['RAR', 'ARCHIVE', () => file().ascii(0, 'Rar!\x1a\x07')],
  ['CAB', 'ARCHIVE', () => file().ascii(0, 'MSCF')],
  ['CPIO', 'ARCHIVE', () => file().ascii(0, '070701')],
  ['AR', 'NOT_A_DISK', () => file().ascii(0, '!<arch>\n')],
  ['RPM', 'NOT_A_DISK', () => file().put(0, [0xed, 0xab, 0xee, 0xdb])],
  ['ELF', 'NOT_A_DISK', () => file().ascii(0, '\x7fELF')],
  ['PE', 'NOT_A_DISK', () => file().ascii(0, 'MZ').u32le(60, 128).ascii(128, 'PE\0\0')],
  ['SHEBANG', 'NOT_A_DISK', () => file().ascii(0, '#!/bin/sh\n')],
  ['PDF', 'NOT_A_DISK', () => file().ascii(0, '%PDF-1.7')],
  ['PDF', 'NOT_A_DISK', () => file().ascii(100, '%PDF-1.7')],
  ['PDF', 'NOT_A_DISK', () => file().ascii(0, '\r\n%PDF-1.7')],
  ['PNG', 'NOT_A_DISK', () => file().put(0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ['JPEG', 'NOT_A_DISK', () => file().put(0, [0xff, 0xd8, 0xff])],
  ['GIF', 'NOT_A_DISK', () => file().ascii(0, 'GIF89a')],
  ['HTML', 'NOT_A_DISK', () => page('\n<!DOCTYPE html><html><body>403</body></html>')],
  ['HTML', 'NOT_A_DISK', () => page('\xef\xbb\xbf  <HTML lang="en">')],
  ['HTML', 'NOT_A_DISK', () => page('<?xml version="1.0"?><!DOCTYPE html><html>')],
  ['HTML', 'NOT_A_DISK', () => wide('<!DOCTYPE html><html>', 'LE')],
  ['XML', 'NOT_A_DISK', () => wide('<?xml version="1.0" encoding="UTF-16"?><Error/>', 'BE')],
  ['TEXT', 'NOT_A_DISK', () => wide('The image has moved', 'LE')],
  ['XML', 'NOT_A_DISK', () => page('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>')],
  ['OVF', 'NOT_A_DISK', () => page('<?xml version="1.0"?><Envelope xmlns="x">')],
  ['OVF', 'NOT_A_DISK', () => page('<Envelope xmlns="x">')],
  ['OVF', 'NOT_A_DISK', () => page('<ovf:Envelope xmlns:ovf="x">')],
  [
    'AMI_MANIFEST',
    'NOT_A_DISK',
    () => page('<?xml version="1.0"?><manifest><machine_configuration/></manifest>'),
  ],
  ['JSON', 'NOT_A_DISK', () => page('{"error": "not found"}')],
  ['TEXT', 'NOT_A_DISK', () => page('The image that you asked for has moved — see the list. ')],
];

/** Text repeated so that it fills a file. */
function page(text: string): Packer {
  return new Packer(
    Buffer.from(text + ' and so on\n'.repeat(200), 'latin1').map((byte) => (byte === 0x14 ? 0x2d : byte)),
  );
}

/** The same in UTF-16 with its byte order mark. */
function wide(text: string, order: 'LE' | 'BE'): Packer {
  const bytes = Buffer.from(`\ufeff${text}${' and so on\n'.repeat(200)}`, 'utf16le');
  return new Packer(order === 'LE' ? bytes : bytes.swap16());
}

/** A primary volume descriptor that holds together. */
function iso(image: Packer): Packer {
  return image
    .fill(32_768, 2048, 0)
    .u8(32_768, 1)
    .ascii(32_769, 'CD001')
    .u8(32_774, 1)
    .u32le(32_768 + 80, image.bytes.length / 2048)
    .u16le(32_768 + 128, 2048)
    .u16be(32_768 + 130, 2048);
}

function withPartition(image: Packer): Packer {
  return image.fill(446, 64, 0).u8(450, 0x83).u32le(454, 1).u32le(458, 4).u8(510, 0x55).u8(511, 0xaa);
}

describe('other kinds of files', () => {
  it.each(KNOWN)('%s is refused as %s', async (detected, code, build) => {
    const report = await judge(build());
    expect(refusals(report)).toEqual([code]);
    expect(report.detected).toBe(detected);
    expect(report.format).toBeUndefined();
  });

  it('names the disk in an OVA', async () => {
    const report = await inspect(corpusReader(corpusEntry('ova.ova')));
    expect(report.findings[0]?.message).toMatch(/\(an OVA\), and its disk is probably ".*\.vmdk"/);
  });

  it('names what a gzip file was called', async () => {
    const image = file().put(0, [0x1f, 0x8b, 8, 8]).ascii(10, 'disk.img\0');
    expect((await judge(image)).findings[0]?.message).toContain('"disk.img"');
  });

  it('does not take a boot sector that begins like a program for one', async () => {
    const image = file().ascii(0, 'MZ').u32le(60, 128);
    expect(refusals(await judge(image))).toEqual(['UNKNOWN_FORMAT']);
  });
});

describe('a file that is two things', () => {
  const TWICE: readonly (readonly [string, () => Packer])[] = [
    ['a VDI and a partitioned disk', () => withPartition(file()).put(64, [0x7f, 0x10, 0xda, 0xbe])],
    ['a qcow2 and a partitioned disk', () => withPartition(qcow2())],
    ['a tar and a partitioned disk', () => withPartition(file()).ascii(257, 'ustar\x0000')],
    [
      'a VMDK descriptor and a partitioned disk',
      () => withPartition(file().ascii(0, `version=1\n${descriptorText().slice(0, 300)}\n`)),
    ],
    ['a LUKS volume and a VHD', () => fixed().put(0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 1])],
    ['a VHDX and a VHD', () => fixed().ascii(0, 'vhdxfile')],
    ['a zip and a VHD', () => fixed().ascii(0, 'PK\x03\x04')],
    ['a qcow2 and an Apple image', () => qcow2().ascii(0x6e00, 'koly').u32be(0x6e04, 4).u32be(0x6e08, 512)],
    ['a VDI and an ISO 9660 medium', () => iso(file(65_536)).put(64, [0x7f, 0x10, 0xda, 0xbe])],
  ];
  it.each(TWICE)('%s is refused', async (_what, build) => {
    expect(refusals(await judge(build()))).toContain('POLYGLOT');
  });

  it('may begin with a weak magic when it is partitioned', async () => {
    const report = await judge(withPartition(file()).ascii(0, '#!'));
    expect(report.format).toBe('RAW');
    expect(report.partitionTable).toBe('MBR');
  });
});

describe('small files', () => {
  const SMALL: readonly (readonly [string, string, readonly string[], string | undefined])[] = [
    ['nothing', '', ['EMPTY'], undefined],
    ['one byte', 'x', ['TOO_SMALL'], undefined],
    ['a page', '<html><body>502 Bad Gateway</body></html>', ['NOT_A_DISK'], 'HTML'],
    ['an answer', '{"message": "no"}', ['NOT_A_DISK'], 'JSON'],
    ['the start of a gzip file', '\x1f\x8b\x08\x00\x00', ['TOO_SMALL'], 'GZIP'],
    ['the start of a qcow2', 'QFI\xfb\0\0\0\x03', ['TOO_SMALL'], undefined],
    ['the start of a VMDK', 'KDMV\x01\0\0\0', ['TOO_SMALL'], undefined],
  ];
  it.each(SMALL)('%s is refused', async (_what, content, expected, detected) => {
    const report = await judge(new Packer(new Uint8Array(Buffer.from(content, 'latin1'))));
    expect(refusals(report)).toEqual(expected);
    expect(report.detected).toBe(detected);
    expect(report.fileSize).toBe(String(content.length));
  });
});

describe('a declared format', () => {
  const DECLARED: readonly (readonly [string, () => Packer, InspectOptions, readonly string[]])[] = [
    ['RAW for a qcow2', () => qcow2(), { declaredFormat: 'RAW' }, ['FORMAT_MISMATCH']],
    ['RAW for a VHD', () => fixed(), { declaredFormat: 'RAW' }, ['FORMAT_MISMATCH']],
    ['VMDK for a qcow2', () => qcow2(), { declaredFormat: 'VMDK' }, ['FORMAT_MISMATCH']],
    ['QCOW2 for a qcow2', () => qcow2(), { declaredFormat: 'QCOW2' }, []],
    ['RAW for unknown bytes', () => file(), { declaredFormat: 'RAW' }, []],
    ['VHD for unknown bytes', () => file(), { declaredFormat: 'VHD' }, ['UNKNOWN_FORMAT']],
    ['RAW for a web page', () => page('<html>'), { declaredFormat: 'RAW' }, ['NOT_A_DISK']],
    [
      'RAW for a disk above the limit',
      () => withPartition(file()),
      { declaredFormat: 'RAW', limits: { maxVirtualSizeBytes: 2048 } },
      ['TOO_LARGE'],
    ],
  ];
  it.each(DECLARED)('%s', async (_what, build, options, expected) => {
    expect(refusals(await judge(build(), options))).toEqual(expected);
  });

  it('RAW for unknown bytes is taken with a remark', async () => {
    const report = await judge(file(), { declaredFormat: 'RAW' });
    expect(report).toMatchObject({ verdict: 'accept', format: 'RAW', virtualSize: '4096' });
    expect(codes(report)).toEqual(['UNRECOGNISED_CONTENT', 'NOT_BOOTABLE']);
  });
});

describe('a failing source', () => {
  it('rejects with its own error', async () => {
    const outage = new Error('the store is away');
    const source = { ...bytesReader(qcow2().bytes), read: () => Promise.reject(outage) };
    await expect(inspect(source)).rejects.toBe(outage);
  });

  it('rejects when it gives fewer bytes than it has', async () => {
    const source = {
      size: 4096,
      read: async (_offset: number, length: number) => new Uint8Array(length - 1),
    };
    await expect(inspect(source)).rejects.toThrow('4095 of 4096 bytes');
  });

  it('rejects when it fails in the middle', async () => {
    const whole = corpusReader(corpusEntry('qcow2-v2.qcow2'));
    let reads = 0;
    const read = (offset: number, length: number) =>
      ++reads > 6 ? Promise.reject(new Error('replaced')) : whole.read(offset, length);
    await expect(inspect({ size: whole.size, read })).rejects.toThrow('replaced');
  });
});
