import { execFileSync } from 'node:child_process';
import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspect } from '../../../inspect/inspect.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { corpusEntry, corpusReader } from '../../corpus.ts';
import { hasTool } from '../../tools.ts';
import { codes } from './build/judge.ts';
import { random } from './build/mutate.ts';
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

function handleReader(handle: FileHandle, size: number): RangeReader {
  return {
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    },
  };
}

describe.skipIf(!hasTool('qemu-img'))('what qemu-img writes', () => {
  let folder: string;
  let disk: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'round-trip-'));
    disk = join(folder, 'disk.raw');
    const entry = corpusEntry('gpt-bios-uefi.img');
    const bytes = await corpusReader(entry).read(0, entry.bytes);
    // Something that does not compress, off every boundary, in a free part of the disk.
    const next = random(17);
    for (let i = 7_340_100; i < 7_900_003; i++) bytes[i] = next() * 256;
    await writeFile(disk, bytes);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(CASES)('%s %s has the same guest', async (format, options, expected) => {
    const image = join(folder, 'image');
    const back = join(folder, 'back.raw');
    const words = options.split(' ').filter((word) => word !== '');
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...words, disk, image]);
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', image, back]);
    const whole = await readFile(back);
    const handle = await open(image);
    try {
      const file = handleReader(handle, (await handle.stat()).size);
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
    } finally {
      await handle.close();
    }
  });
});
