import { closeSync, mkdirSync, openSync, readSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { DEFAULT_LIMITS } from '../../../inspect/limits.ts';
import { Meter } from '../../../inspect/readers/metered-reader.ts';
import type { Partition } from '../../../inspect/report.ts';
import { emptyImage, itWith, reading, run } from '../../tools.ts';
import { examine, MIB } from './disk-image.ts';

/** Examines a file through the meter that an inspection uses, with its allowances. */
function examineFile(path: string, limits = DEFAULT_LIMITS) {
  return reading(path, async (source) => {
    const meter = new Meter(source, limits.cacheBytes);
    const view = meter.reader({ reads: limits.plainReads, bytes: limits.plainBytes });
    const fileView = meter.reader({ reads: limits.fileReads, bytes: limits.fileBytes });
    return { ...(await examine(view, { fileView, limits })), reads: meter.reads };
  });
}

describe('tables made by sfdisk', () => {
  const scripts: Record<string, string> = {
    'a GPT': 'label: gpt\n2048 4096 U\nsize=8192 type=L name="root fs"\nsize=2048 type=S name=größe\n',
    'a GPT with numbers out of order':
      'label: gpt\n14: start=2048 size=2048 type=21686148-6449-6E6F-744E-656564454649\n1: size=8192 type=L\n',
    'a GPT of 256 entries': 'label: gpt\ntable-length: 256\nsize=4096 type=L\n200: size=4096 type=L\n',
    'an MBR': 'label: dos\nlabel-id: 0x1234abcd\nsize=4096 type=83 bootable\nsize=8192 type=82\n',
    'an MBR with logical partitions':
      'label: dos\nsize=4096 type=83\nsize=30000 type=f\n5: size=2048 type=83\n6: size=4096 type=82\n7: size=2048 type=7\n',
  };
  for (const [name, script] of Object.entries(scripts)) {
    itWith(['sfdisk'], `${name} is read as sfdisk reads it`, async (folder) => {
      const image = emptyImage(folder, 64 * MIB);
      run('sfdisk', ['--quiet', image], script);
      const { partitiontable } = JSON.parse(run('sfdisk', ['--json', image]));
      const expected = partitiontable.partitions.map((part: Record<string, string | number>) => ({
        number: Number(String(part.node).slice(image.length)),
        start: String(Number(part.start) * 512),
        size: String(Number(part.size) * 512),
        type: partitiontable.label === 'gpt' ? part.type : `0x${String(part.type).padStart(2, '0')}`,
        name: part.name,
        uuid: part.uuid,
      }));
      const { facts, codes } = await examineFile(image);
      expect(facts.partitionTable).toBe(partitiontable.label === 'gpt' ? 'GPT' : 'MBR');
      expect(facts.partitions?.map(inTheTermsOfSfdisk(partitiontable.label))).toEqual(expected);
      expect(codes).toEqual(['NOT_BOOTABLE']);
    });
  }

  function inTheTermsOfSfdisk(label: string) {
    return ({ number, start, size, type, name, partitionUuid }: Partition) => ({
      number,
      start,
      size,
      type,
      name,
      uuid: label === 'gpt' ? partitionUuid : undefined,
    });
  }
});

describe('file systems made by their own tools', () => {
  interface Made {
    readonly tool: string;
    readonly args: readonly string[];
    readonly bytes?: number;
    readonly kind: string;
  }
  const made: readonly Made[] = [
    { tool: 'mke2fs', args: ['-qF', '-t', 'ext2', '-L', 'two'], kind: 'EXT2' },
    { tool: 'mke2fs', args: ['-qF', '-t', 'ext3', '-L', 'three'], kind: 'EXT3' },
    { tool: 'mke2fs', args: ['-qF', '-t', 'ext4', '-L', 'größe'], kind: 'EXT4' },
    { tool: 'mke2fs', args: ['-qF', '-t', 'ext4', '-O', '64bit,bigalloc'], kind: 'EXT4' },
    { tool: 'mkfs.xfs', args: ['-q', '-L', 'xfs label'], bytes: 320 * MIB, kind: 'XFS' },
    { tool: 'mkfs.btrfs', args: ['-q', '-L', 'butter'], bytes: 128 * MIB, kind: 'BTRFS' },
    { tool: 'mkfs.vfat', args: ['-F12', '-n', 'TWELVE'], bytes: 2 * MIB, kind: 'FAT12' },
    { tool: 'mkfs.vfat', args: ['-F16', '-n', 'SIXTEEN'], kind: 'FAT16' },
    { tool: 'mkfs.vfat', args: ['-F32', '-n', 'THIRTY TWO'], kind: 'FAT32' },
    { tool: 'mkfs.vfat', args: ['-F32', '-s', '8'], bytes: 64 * MIB, kind: 'FAT32' },
    { tool: 'mkntfs', args: ['-qFQ', '-L', 'Fenster ☃'], kind: 'NTFS' },
    { tool: 'mkswap', args: ['-L', 'swapped'], kind: 'SWAP' },
    { tool: 'mkswap', args: ['-p', '65536'], kind: 'SWAP' },
  ];
  for (const { tool, args, bytes, kind } of made) {
    itWith([tool, 'blkid'], `${tool} ${args.join(' ')} is known as blkid knows it`, async (folder) => {
      const image = emptyImage(folder, bytes ?? 48 * MIB);
      run(tool, [...args, image]);
      const known = blkid(image);
      const { facts, codes } = await examineFile(image);
      expect(facts.partitions).toEqual([
        {
          number: 0,
          start: '0',
          size: String(bytes ?? 48 * MIB),
          fileSystem: kind,
          ...(known.label === undefined ? {} : { label: known.label }),
          uuid: known.uuid,
        },
      ]);
      expect(codes).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
    });
  }
});

/** What blkid finds on an image; it prints other bytes than letters and digits as `\\x20`. */
function blkid(image: string): { label: string | undefined; uuid: string | undefined } {
  const lines = run('blkid', ['-p', '-o', 'udev', image]).split('\n');
  const field = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  const label = field('ID_FS_LABEL_ENC')?.replace(/\\x([0-9a-f]{2})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return { label, uuid: field('ID_FS_UUID') };
}

const RELEASE = 'ID=meadow\nVERSION_ID="7.3"\nPRETTY_NAME="Meadow 7.3"\n';
const OS = { id: 'meadow', versionId: '7.3', prettyName: 'Meadow 7.3' };
/** The first bytes of a program for AArch64. */
const ELF = Buffer.concat([
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]),
  Buffer.alloc(11),
  Buffer.from([0xb7, 0, 1, 0, 0, 0]),
  Buffer.alloc(64),
]);

/** A root directory whose os-release is reached over links, one of them long and one in the middle of a path. */
function makeRoot(folder: string, others = 0): string {
  const root = join(folder, 'root');
  const deep = `usr/share/${'a-long-name-of-a-directory/'.repeat(3)}lib`;
  for (const path of ['etc', deep, 'usr/bin']) mkdirSync(join(root, path), { recursive: true });
  for (let i = 0; i < others; i++) writeFileSync(join(root, 'etc', `file-with-a-name-${i}`), '');
  symlinkSync('usr/bin', join(root, 'bin'));
  symlinkSync(`/${deep}`, join(root, 'usr/lib'));
  symlinkSync('../usr/./lib/../lib/os-release', join(root, 'etc/os-release'));
  writeFileSync(join(root, deep, 'os-release'), RELEASE);
  writeFileSync(join(root, 'usr/bin/dash'), ELF);
  symlinkSync('dash', join(root, 'usr/bin/sh'));
  return root;
}

describe('an os-release is read out of', () => {
  interface Made {
    readonly args: readonly string[];
    readonly others?: number;
    readonly bytes?: number;
  }
  const ext: readonly Made[] = [
    { args: ['-t', 'ext2', '-b', '1024'] },
    { args: ['-t', 'ext2', '-r', '0'] },
    { args: ['-t', 'ext3', '-b', '2048'], others: 600 },
    { args: ['-t', 'ext4', '-b', '4096'], others: 600 },
    { args: ['-t', 'ext4', '-b', '1024', '-O', '^extents,^64bit'], others: 600 },
    { args: ['-t', 'ext4', '-I', '1024', '-O', 'inline_data'] },
    { args: ['-t', 'ext4', '-b', '1024', '-O', 'meta_bg,^resize_inode', '-g', '1024'], others: 500 },
    { args: ['-t', 'ext4', '-b', '1024', '-O', '64bit,metadata_csum,metadata_csum_seed'] },
    { args: ['-t', 'ext4', '-b', '4096', '-O', 'bigalloc'] },
    { args: ['-t', 'ext4', '-E', 'encoding=utf8'] },
  ];
  for (const { args, others } of ext) {
    const name = `an ext made with ${args.join(' ')}${others === undefined ? '' : ` and ${others} files`}`;
    itWith(['mke2fs'], name, async (folder) => {
      const image = emptyImage(folder, 64 * MIB);
      run('mke2fs', ['-qF', '-d', makeRoot(folder, others), '-N', '8192', ...args, image]);
      const { facts, findings } = await examineFile(image);
      expect(findings.map(({ code }) => code)).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
      expect([facts.os, facts.architecture, facts.osFamily]).toEqual([OS, 'AARCH64', 'LINUX']);
    });
  }

  itWith(['mke2fs'], 'no ext whose directory has more entries than are followed', async (folder) => {
    const image = emptyImage(folder, 64 * MIB);
    run('mke2fs', ['-qF', '-t', 'ext4', '-N', '8192', '-d', makeRoot(folder, 300), image]);
    const { facts, codes } = await examineFile(image, { ...DEFAULT_LIMITS, directoryEntries: 100 });
    // The vendor's copy is found where the way to the other is too long.
    expect(facts.os).toEqual(OS);
    expect(codes).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
  });

  itWith(['mke2fs'], 'no ext whose links lead in a circle', async (folder) => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    symlinkSync('b', join(root, 'etc/os-release'));
    symlinkSync('os-release', join(root, 'etc/b'));
    const image = emptyImage(folder, 8 * MIB);
    run('mke2fs', ['-qF', '-t', 'ext4', '-d', root, image]);
    const { facts, codes } = await examineFile(image);
    expect(facts.os).toBeUndefined();
    expect(codes).toContain('FACTS_INCOMPLETE');
  });

  const xfs: readonly Made[] = [
    { args: [] },
    { args: ['-m', 'crc=0'] },
    { args: ['-m', 'crc=0', '-n', 'ftype=0'], others: 200 },
    { args: ['-b', 'size=1024'], others: 600 },
    { args: ['-n', 'size=16384'], others: 600 },
    { args: ['-i', 'size=2048', '-m', 'bigtime=1,inobtcount=1'] },
  ];
  for (const { args, others } of xfs) {
    const name = `an XFS made with ${args.join(' ')}${others === undefined ? '' : ` and ${others} files`}`;
    itWith(['mkfs.xfs'], name, async (folder) => {
      const image = emptyImage(folder, 320 * MIB);
      const prototype = join(folder, 'prototype');
      writeFileSync(prototype, xfsPrototype(folder, others ?? 0));
      run('mkfs.xfs', ['-q', ...args, '-p', prototype, image]);
      if (!args.includes('crc=0')) giveLinkItsHeader(image);
      const { facts, findings } = await examineFile(image);
      expect(findings.map(({ code }) => code)).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
      expect([facts.os, facts.architecture]).toEqual([OS, 'AARCH64']);
    });
  }

  const btrfs: readonly Made[] = [
    { args: [] },
    { args: ['-n', '4096', '-M'], bytes: 128 * MIB },
    { args: ['-d', 'dup', '-m', 'dup'], others: 600 },
    { args: ['-O', 'no-holes,extref'], others: 300 },
    { args: ['--csum', 'xxhash'] },
  ];
  for (const { args, others, bytes } of btrfs) {
    const name = `a btrfs made with ${args.join(' ')}${others === undefined ? '' : ` and ${others} files`}`;
    itWith(['mkfs.btrfs'], name, async (folder) => {
      const image = emptyImage(folder, bytes ?? 256 * MIB);
      run('mkfs.btrfs', ['-q', ...args, '--rootdir', makeRoot(folder, others), image]);
      const { facts, findings } = await examineFile(image);
      expect(findings.map(({ code }) => code)).toEqual(['NO_PARTITION_TABLE', 'NOT_BOOTABLE']);
      expect([facts.os, facts.architecture]).toEqual([OS, 'AARCH64']);
    });
  }
});

/** mkfs.xfs writes the target of a long link bare, without the header that version 5 asks for; kernels put it there. */
function giveLinkItsHeader(image: string): void {
  const file = openSync(image, 'r+');
  try {
    const bytes = Buffer.alloc(16 * MIB);
    // Directories are spread over the four allocation groups, and their files lie near them.
    for (const group of [0, 80, 160, 240]) {
      readSync(file, bytes, 0, bytes.length, group * MIB);
      const at = bytes.indexOf('../a-directory-with-a-long-name/');
      if (at < 0 || at % 512 !== 0) continue;
      const target = bytes.subarray(at, bytes.indexOf(0, at));
      const header = Buffer.alloc(56);
      header.write('XSLM');
      header.writeUInt32BE(target.length, 8);
      writeSync(file, Buffer.concat([header, target]), 0, header.length + target.length, group * MIB + at);
    }
  } finally {
    closeSync(file);
  }
}

/** A prototype file from which mkfs.xfs fills a file system. */
function xfsPrototype(folder: string, others: number): string {
  const release = join(folder, 'os-release');
  const program = join(folder, 'program');
  const empty = join(folder, 'empty');
  writeFileSync(release, RELEASE);
  writeFileSync(program, ELF);
  writeFileSync(empty, '');
  const long = 'a-directory-with-a-long-name/'.repeat(20);
  const nested = long.split('/').filter((name) => name !== '');
  const files = Array.from({ length: others }, (_, i) => `file-with-a-name-${i} ---644 0 0 ${empty}`);
  return [
    '/none',
    '0 0',
    'd--755 0 0',
    'etc d--755 0 0',
    ...files,
    `os-release l--777 0 0 ../${long}os-release`,
    '$',
    ...nested.map((name) => `${name} d--755 0 0`),
    `os-release ---644 0 0 ${release}`,
    ...nested.map(() => '$'),
    'usr d--755 0 0',
    'bin d--755 0 0',
    `dash ---755 0 0 ${program}`,
    'sh l--777 0 0 dash',
    '$',
    '$',
    'bin l--777 0 0 usr/bin',
    '$',
    '',
  ].join('\n');
}
