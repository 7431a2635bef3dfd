import { describe, expect, it } from 'vitest';
import { parseLvmText } from '../../../inspect/filesystems/lvm2-text.ts';
import { GivenUp } from '../../../inspect/filesystems/tree.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { corpusEntry, corpusReader } from '../../corpus.ts';
import { examine } from './disk-image.ts';

/** A sample disk with bytes written at places found by what stands there. */
class Tampered {
  readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  static async of(file: string): Promise<Tampered> {
    const source = corpusReader(corpusEntry(file));
    return new Tampered(await source.read(0, source.size));
  }

  /** Where these bytes stand first, at or after `from`. */
  find(wanted: readonly number[] | string, from = 0): number {
    const at = this.bytes.indexOf(
      typeof wanted === 'string' ? Buffer.from(wanted) : Buffer.from(wanted),
      from,
    );
    if (at < 0) throw new Error(`${JSON.stringify(wanted)} is not on the disk`);
    return at;
  }

  /** Where the root directory's extents begin in an ext with blocks of 1 KiB: its inode is the second. */
  extRoot(): number {
    const table = this.bytes.readUInt32LE(2048 + 8) * 1024;
    return table + this.bytes.readUInt16LE(1024 + 0x58) + 0x28;
  }

  write(at: number, values: readonly number[]): this {
    this.bytes.set(values, at);
    return this;
  }

  get reader(): RangeReader {
    return {
      size: this.bytes.length,
      read: async (offset, length) => this.bytes.subarray(offset, offset + length),
    };
  }
}

const SELF_ENTRY = [0x02, 0, 0, 0, 0x0c, 0, 0x01, 0x02, 0x2e];
const BTRFS = 65536;

describe('a file system with a wrong structure', () => {
  it.each<[string, string, (disk: Tampered) => void]>([
    ['an ext root of another kind', 'ext4-noextent.img', (d) => d.write(d.extRoot() - 0x28, [0, 0])],
    [
      'an ext directory entry of length 0',
      'ext4-noextent.img',
      (d) => d.write(d.find(SELF_ENTRY) + 4, [0, 0]),
    ],
    [
      'an ext directory entry beyond its block',
      'ext4-htree.img',
      (d) => d.write(d.find(SELF_ENTRY) + 4, [0, 0x70]),
    ],
    ['an extent tree of depth 65535', 'ext4-htree.img', (d) => d.write(d.extRoot() + 6, [0xff, 0xff])],
    ['more extents than room', 'ext4-htree.img', (d) => d.write(d.extRoot() + 2, [0xff, 0xff])],
    ['an extent outside the volume', 'ext4-htree.img', (d) => d.write(d.extRoot() + 20, [0xff, 0xff, 0xff])],
    ['an XFS directory block of 2^255', 'xfs-v4.img', (d) => d.write(192, [255])],
    ['more XFS inodes in a block than fit', 'xfs-v4.img', (d) => d.write(123, [200])],
    ['an XFS group of 2^200 blocks', 'xfs-v4.img', (d) => d.write(124, [200])],
    ['an XFS root inode that is none', 'xfs-v4.img', (d) => d.write(56, [0, 0, 0, 0, 0, 0, 0, 1])],
    ['a btrfs chunk tree that is elsewhere', 'btrfs-zstd.img', (d) => d.write(BTRFS + 88, [0, 0x10, 0, 0])],
    ['a btrfs root tree higher than it is', 'btrfs-zstd.img', (d) => d.write(BTRFS + 198, [7])],
    [
      'a btrfs system chunk of no length',
      'btrfs-zstd.img',
      (d) => d.write(BTRFS + 811 + 17, Array(8).fill(0)),
    ],
    ['an LVM2 text that fails its checksum', 'gpt-lvm.img', (d) => d.write(d.find('extent_size'), [0x45])],
    ['an LVM2 area header that is damaged', 'gpt-lvm.img', (d) => d.write(d.find(' LVM2 x[5A'), [0x21])],
  ])('is noted and nothing more: %s', async (_name, file, tamper) => {
    const disk = await Tampered.of(file);
    tamper(disk);
    const { facts, codes } = await examine(disk.reader);
    expect(facts.os).toBeUndefined();
    expect(facts.osFamily).toBe('LINUX');
    expect(codes).toContain('FILE_SYSTEM_DAMAGED');
  });

  it.each<[string, string, (disk: Tampered) => void]>([
    ['an ext with an unknown feature', 'ext4-htree.img', (d) => d.write(1024 + 0x63, [0x80])],
    ['an XFS with an unknown feature', 'gpt-uefi-aa64-xfs.img', (d) => d.write(d.find('XFSB') + 216, [0x80])],
    ['a btrfs of two devices', 'btrfs-zstd.img', (d) => d.write(BTRFS + 136, [2])],
    ['a btrfs with an unknown feature', 'btrfs-zstd.img', (d) => d.write(BTRFS + 194, [0x80])],
  ])('is given up when it is not known how to read it: %s', async (_name, file, tamper) => {
    const disk = await Tampered.of(file);
    tamper(disk);
    const { facts, codes } = await examine(disk.reader);
    expect(facts.os).toBeUndefined();
    expect(codes).toContain('FACTS_INCOMPLETE');
  });
});

describe('an XFS that is marked as needing repair', () => {
  it('is read, and the mark is noted', async () => {
    const disk = await Tampered.of('gpt-uefi-aa64-xfs.img');
    const at = disk.find('XFSB') + 219;
    const { facts, codes } = await examine(disk.write(at, [disk.bytes[at]! | 0x10]).reader);
    expect(facts.os?.id).toBe('nixos');
    expect(codes).toEqual(['FILE_SYSTEM_DAMAGED']);
  });
});

describe('the text of a volume group', () => {
  it('is read with its comments, strings and lists', () => {
    const text = `# made by hand
vg { id = "a\\"b" # an identifier
  n = -5
  empty = []
  list = ["x", 7]
  inner { deep = 1 } }
version = 1`;
    const section = parseLvmText(text);
    const group = section?.sections.get('vg');
    expect(Object.fromEntries(group?.values ?? [])).toEqual({ id: 'a"b', n: -5, empty: [], list: ['x', 7] });
    expect(group?.sections.get('inner')?.values.get('deep')).toBe(1);
    expect(section?.values.get('version')).toBe(1);
  });

  it.each(['a', 'a =', 'a = [', 'a = [1', 'a {', '}', 'a = b', 'a = "open', 'a { } }', '= 1'])(
    'is refused when it is cut or malformed: %s',
    (text) => {
      expect(parseLvmText(text)).toBeUndefined();
    },
  );

  it('is given up when it is nested too deep', () => {
    expect(() => parseLvmText('a { '.repeat(10_000))).toThrow(GivenUp);
  });
});
