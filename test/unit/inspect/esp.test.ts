import { describe, expect, it } from 'vitest';
import { DiskImage, ESP_TYPE, examine, MIB, SECTOR, writeFat, writeGpt } from './disk-image.ts';

const SIZE = 64 * MIB;
const START = 2048 * SECTOR;
/** Of the FAT that `writeFat` writes: a reserved sector, two FATs of 32, a root directory of 32. */
const FAT = START + SECTOR;
const ROOT = START + 65 * SECTOR;
const DATA = START + 97 * SECTOR;

interface Entry {
  readonly name: string;
  readonly cluster: number;
  readonly directory?: boolean;
  readonly size?: number;
  readonly long?: string;
}

class Esp extends DiskImage {
  constructor() {
    super(SIZE);
    writeGpt(this, [{ type: ESP_TYPE, first: 2048, last: 60_000 }]);
    writeFat(this, START, 20 * MIB);
  }

  /** Marks a cluster as the last of its chain, or as followed by another. */
  chain(cluster: number, next = 0xffff): this {
    return this.u16(FAT + 2 * cluster, next);
  }

  directory(cluster: number, entries: readonly Entry[]): this {
    let at = cluster === 0 ? ROOT : DATA + (cluster - 2) * SECTOR;
    for (const { name, cluster: first, directory, size, long } of entries) {
      if (long !== undefined) {
        const units = Buffer.alloc(26, 0xff);
        Buffer.from(`${long}\0`, 'utf16le').copy(units);
        this.write(at, [0x41]).write(at + 11, [0x0f]);
        this.write(at + 1, units.subarray(0, 10)).write(at + 14, units.subarray(10, 22));
        this.write(at + 28, units.subarray(22, 26));
        at += 32;
      }
      this.text(at, name).write(at + 11, [directory ? 0x10 : 0x20]);
      this.u16(at + 26, first).u32(at + 28, size ?? 0);
      at += 32;
    }
    return cluster === 0 ? this : this.chain(cluster);
  }

  program(cluster: number, machine: number): this {
    const at = DATA + (cluster - 2) * SECTOR;
    return this.text(at, 'MZ')
      .u32(at + 60, 128)
      .text(at + 128, 'PE\0\0')
      .u16(at + 132, machine)
      .chain(cluster);
  }

  /** `EFI/BOOT` in cluster 3, holding these. */
  withBoot(entries: readonly Entry[]): this {
    return this.directory(0, [{ name: 'EFI        ', cluster: 2, directory: true }])
      .directory(2, [{ name: 'BOOT       ', cluster: 3, directory: true }])
      .directory(3, entries);
  }
}

const file = (name: string, cluster: number): Entry => ({ name, cluster, size: 400 });

describe('the default boot files of an ESP', () => {
  it.each<[string, Esp, string | undefined]>([
    ['x64', new Esp().withBoot([file('BOOTX64 EFI', 9)]).program(9, 0x8664), 'X86_64'],
    ['32-bit', new Esp().withBoot([file('BOOTIA32EFI', 9)]).program(9, 0x14c), 'X86'],
    ['AArch64', new Esp().withBoot([file('BOOTAA64EFI', 9)]).program(9, 0xaa64), 'AARCH64'],
    [
      'RISC-V, whose name is long',
      new Esp().withBoot([{ ...file('BOOTRI~1EFI', 9), long: 'BOOTRISCV64' }]).program(9, 0x5064),
      undefined,
    ],
    [
      'RISC-V with its whole name',
      new Esp().withBoot([{ ...file('BOOTRI~1EFI', 9), long: 'bootriscv.efi' }]).program(9, 0x5064),
      'RISCV64',
    ],
    [
      'a name and a machine that disagree',
      new Esp().withBoot([file('BOOTX64 EFI', 9)]).program(9, 0xaa64),
      'AARCH64',
    ],
    [
      'a machine that reports do not name',
      new Esp().withBoot([file('BOOTX64 EFI', 9)]).program(9, 0x6264),
      undefined,
    ],
    ['a file without a PE header', new Esp().withBoot([file('BOOTX64 EFI', 9)]).chain(9), 'X86_64'],
    [
      'x64 beside 32-bit',
      new Esp()
        .withBoot([file('BOOTX64 EFI', 9), file('BOOTIA32EFI', 10)])
        .program(9, 0x8664)
        .program(10, 0x14c),
      'X86_64',
    ],
    [
      'x64 beside AArch64',
      new Esp()
        .withBoot([file('BOOTX64 EFI', 9), file('BOOTAA64EFI', 10)])
        .program(9, 0x8664)
        .program(10, 0xaa64),
      undefined,
    ],
    ['other files only', new Esp().withBoot([file('GRUBX64 EFI', 9)]).program(9, 0x8664), undefined],
    ['nothing', new Esp(), undefined],
  ])('tell the architecture: %s', async (_name, esp, architecture) => {
    const { facts, findings } = await examine(esp);
    expect(facts.bootModes).toEqual(['UEFI']);
    expect(facts.architecture).toBe(architecture);
    expect(findings).toEqual([]);
  });

  it('are found in the second cluster of a directory', async () => {
    const others = Array.from({ length: 16 }, (_, i) => file(`FILE${i}`.padEnd(11), 50 + i));
    const esp = new Esp()
      .withBoot(others)
      .chain(3, 4)
      .directory(4, [file('BOOTX64 EFI', 9)]);
    expect((await examine(esp.program(9, 0x8664))).facts.architecture).toBe('X86_64');
  });
});

describe('an ESP', () => {
  it('with EFI/Microsoft is of Windows', async () => {
    const esp = new Esp()
      .directory(0, [{ name: 'EFI        ', cluster: 2, directory: true }])
      .directory(2, [{ name: 'MICROS~1   ', long: 'Microsoft', cluster: 3, directory: true }]);
    expect((await examine(esp)).facts.osFamily).toBe('WINDOWS');
  });

  it.each<[string, Esp]>([
    ['goes in circles', new Esp().withBoot(Array(16).fill(file('X', 9))).chain(3, 3)],
    ['leads outside the volume', new Esp().withBoot(Array(16).fill(file('X', 9))).chain(3, 0xfff0)],
    ['leads to a reserved cluster', new Esp().withBoot(Array(16).fill(file('X', 9))).chain(3, 1)],
  ])('whose chain of clusters %s is damaged or given up', async (_name, esp) => {
    const { codes, facts } = await examine(esp);
    expect(facts.bootModes).toEqual(['UEFI']);
    expect(codes.some((code) => code === 'FILE_SYSTEM_DAMAGED' || code === 'FACTS_INCOMPLETE')).toBe(true);
  });
});
