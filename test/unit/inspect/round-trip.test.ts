import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Random } from '../../../dev/fuzz/random.ts';
import { inspect } from '../../../inspect/inspect.ts';
import { corpusEntry, corpusReader } from '../../corpus.ts';
import { itWith, reading, run } from '../../tools.ts';
import { codes } from './build/judge.ts';
import { openGuest } from './guest.ts';

/** What `qemu-img convert` is told, and what the inspection must say of the result. */
type Case = readonly [format: 'qcow2' | 'vmdk' | 'vpc', options: string, expected: Record<string, unknown>];

const CASES: readonly Case[] = [
  ['qcow2', '', { variant: 'v3', clusterSize: '65536', features: [] }],
  ['qcow2', '-o compat=0.10', { variant: 'v2', features: [] }],
  ['qcow2', '-o cluster_size=512', { clusterSize: '512' }],
  ['qcow2', '-o cluster_size=2M', { clusterSize: '2097152' }],
  ['qcow2', '-o refcount_bits=1', {}],
  ['qcow2', '-o refcount_bits=64', {}],
  ['qcow2', '-o lazy_refcounts=on', { features: ['LAZY_REFCOUNTS'] }],
  ['qcow2', '-o preallocation=metadata', { features: ['PREALLOCATED'] }],
  ['qcow2', '-c', { features: ['COMPRESSED_DEFLATE'] }],
  ['qcow2', '-c -W -m 4', { features: ['COMPRESSED_DEFLATE'] }],
  ['qcow2', '-c -o compat=0.10', { variant: 'v2', features: ['COMPRESSED_DEFLATE'] }],
  ['qcow2', '-c -o cluster_size=512', { features: ['COMPRESSED_DEFLATE'] }],
  ['qcow2', '-c -o cluster_size=2M', { features: ['COMPRESSED_DEFLATE'] }],
  ['qcow2', '-c -o compression_type=zstd', { features: ['COMPRESSED_ZSTD'] }],
  ['qcow2', '-c -o compression_type=zstd,cluster_size=2M', { features: ['COMPRESSED_ZSTD'] }],
  ['qcow2', '-o extended_l2=on', { features: ['EXTENDED_L2'] }],
  ['qcow2', '-c -o extended_l2=on,cluster_size=16k', { features: ['COMPRESSED_DEFLATE', 'EXTENDED_L2'] }],
  ['vmdk', '', { variant: 'monolithicSparse', clusterSize: '65536' }],
  ['vmdk', '-o zeroed_grain=on', { variant: 'monolithicSparse' }],
  ['vmdk', '-o subformat=streamOptimized', { variant: 'streamOptimized', features: ['COMPRESSED_DEFLATE'] }],
  ['vpc', '-o force_size=on', { variant: 'dynamic', clusterSize: '2097152' }],
  ['vpc', '', { variant: 'dynamic' }],
  ['vpc', '-o subformat=fixed,force_size=on', { variant: 'fixed' }],
  ['vpc', '-o subformat=fixed', { variant: 'fixed' }],
];
const FORMATS = { qcow2: 'QCOW2', vmdk: 'VMDK', vpc: 'VHD' } as const;

/** A partitioned disk, with something that does not compress in a free part of it, off every boundary. */
let disk: Promise<Uint8Array> | undefined;

async function makeDisk(): Promise<Uint8Array> {
  const entry = corpusEntry('gpt-bios-uefi.img');
  const bytes = await corpusReader(entry).read(0, entry.bytes);
  const random = new Random(17, 0);
  for (let i = 7_340_100; i < 7_900_003; i++) bytes[i] = random.below(256);
  return bytes;
}

describe('what qemu-img writes', () => {
  for (const [format, options, expected] of CASES) {
    itWith(['qemu-img'], `${format} ${options} has the same guest`, async (folder) => {
      const [raw, image, back] = ['disk.raw', 'image', 'back.raw'].map((name) => join(folder, name));
      disk ??= makeDisk();
      await writeFile(raw!, await disk);
      const words = options.split(' ').filter((word) => word !== '');
      run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...words, raw!, image!]);
      run('qemu-img', ['convert', '-f', format, '-O', 'raw', image!, back!]);
      const whole = await readFile(back!);
      await reading(image!, async (file) => {
        const report = await inspect(file);
        expect(codes(report).filter((code) => code !== 'GPT_BACKUP_MISPLACED')).toEqual([]);
        expect(report).toMatchObject({
          verdict: 'accept',
          format: FORMATS[format],
          virtualSize: String(whole.length),
          scan: { complete: true },
          bootModes: ['BIOS', 'UEFI'],
          ...expected,
        });
        const guest = await openGuest(file);
        expect(Buffer.compare(whole, await guest.read(0, guest.size))).toBe(0);
        // In pieces off every boundary, as structures are read.
        for (let at = 511; at < guest.size; at += 700_001) {
          const piece = await guest.read(at, Math.min(70_000, guest.size - at));
          expect(Buffer.compare(whole.subarray(at, at + piece.length), piece), `at ${at}`).toBe(0);
        }
      });
    });
  }
});
