import { describe, expect, it } from 'vitest';
import { inspect } from '../../../inspect/inspect.ts';
import { DEFAULT_LIMITS } from '../../../inspect/limits.ts';
import type { Report } from '../../../inspect/report.ts';
import { bytesReader } from '../../corpus.ts';
import { mutant, random } from './build/mutate.ts';
import { Packer } from './build/packer.ts';
import { AT, qcow2, withExtensions } from './build/qcow2.ts';
import { dynamic, fixed, footerAt, sealFooter, sealHeader } from './build/vhd.ts';
import { sparse, stream } from './build/vmdk.ts';

interface Kind {
  readonly name: string;
  readonly mutants: number;
  readonly original: () => Uint8Array;
  readonly hot: readonly (readonly [number, number])[];
  /** Sums made right again, so that a mutant is refused for what it says and not for its sum. */
  readonly mend?: (image: Packer) => Packer;
  /** What an accepted file must not say; a sentence when it does. */
  readonly dangers: (bytes: Uint8Array) => string[];
}

const KINDS: readonly Kind[] = [
  {
    name: 'qcow2',
    mutants: 2500,
    original: () => qcow2().bytes,
    hot: [
      [0, 112],
      [AT.l1, AT.l1 + 16],
      [AT.l2, AT.l2 + 64],
      [AT.refcountTable, AT.refcountTable + 16],
    ],
    dangers: qcow2Dangers,
  },
  {
    name: 'qcow2 with extensions',
    mutants: 1000,
    original: () =>
      withExtensions(qcow2(), [0x6803f857, new Uint8Array(48)], [0x12345678, new Uint8Array(5)]).bytes,
    hot: [[96, 200]],
    dangers: qcow2Dangers,
  },
  {
    name: 'VMDK',
    mutants: 1500,
    original: () => sparse().bytes,
    hot: [
      [0, 80],
      [512, 900],
      [21 * 512, 21 * 512 + 16],
      [26 * 512, 26 * 512 + 16],
      [27 * 512, 27 * 512 + 80],
    ],
    dangers: vmdkDangers,
  },
  {
    name: 'streamOptimized VMDK',
    mutants: 1500,
    original: () => stream().image.bytes,
    hot: [
      [0, 80],
      [512, 900],
      [stream().grains[0]!, stream().image.bytes.length],
    ],
    dangers: vmdkDangers,
  },
  {
    name: 'fixed VHD',
    mutants: 300,
    original: () => fixed().bytes,
    hot: [[fixed().bytes.length - 512, fixed().bytes.length - 420]],
    mend: (image) => (image.bytes.length % 512 === 0 ? sealFooter(image, footerAt(image)) : image),
    dangers: () => [],
  },
  {
    name: 'dynamic VHD',
    mutants: 1200,
    original: () => dynamic().bytes,
    hot: [
      [0, 90],
      [512, 700],
      [1088, 1300],
      [1536, 1560],
    ],
    mend: (image) => (image.bytes.length > 4096 ? sealHeader(sealFooter(image, 0)) : image),
    dangers: vhdDangers,
  },
];

function qcow2Dangers(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer);
  const version = view.getUint32(4);
  const dangers: string[] = [];
  if (view.getBigUint64(8) !== 0n || view.getUint32(16) !== 0) dangers.push('names a backing file');
  if (view.getUint32(32) !== 0) dangers.push('is encrypted');
  if (version === 3 && (view.getBigUint64(72) & ~0b11001n) !== 0n) dangers.push('demands an unknown feature');
  if (view.getBigUint64(24) > BigInt(DEFAULT_LIMITS.maxVirtualSizeBytes)) dangers.push('is too large');
  for (let at = version === 3 ? view.getUint32(100) : 72; at + 8 <= 4096; ) {
    const type = view.getUint32(at);
    if (type === 0) break;
    if ([0xe2792aca, 0x44415441, 0x0537be77].includes(type))
      dangers.push(`has the extension ${type.toString(16)}`);
    at += 8 + Math.ceil(view.getUint32(at + 4) / 8) * 8;
  }
  return dangers;
}

function vmdkDangers(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes.subarray(512, 512 + 10_240))
    .toString('latin1')
    .split('\0')[0]!;
  const dangers: string[] = [];
  if (/parentFileNameHint/i.test(text)) dangers.push('names a parent');
  const parent = /parentCID=(\w*)/.exec(text)?.[1];
  if (parent !== undefined && parent.toLowerCase() !== 'ffffffff') dangers.push(`has the parent ${parent}`);
  const extents = text.split('\n').filter((line) => /^\s*(RW|RDONLY)\b/.test(line));
  if (extents.length > 1) dangers.push('has several extents');
  for (const line of extents) {
    if (!/ SPARSE /i.test(line)) dangers.push(`has the extent ${line}`);
    if (/".*([/\\:]|\.\.).*"/.test(line)) dangers.push(`has the extent ${line}`);
  }
  if (new DataView(bytes.buffer).getBigUint64(12, true) === 0n) dangers.push('has no capacity');
  return dangers;
}

function vhdDangers(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer);
  const parent = bytes.subarray(512 + 64, 512 + 576).some((byte) => byte !== 0);
  return parent || view.getUint32(60) === 4 ? ['names a parent'] : [];
}

const MOST_READS = DEFAULT_LIMITS.mappedReads + DEFAULT_LIMITS.fileReads + DEFAULT_LIMITS.scanReads;
const MOST_BYTES = DEFAULT_LIMITS.mappedBytes + DEFAULT_LIMITS.fileBytes + DEFAULT_LIMITS.scanBytes;

function checkReport(report: Report): void {
  expect(report.cost.reads).toBeLessThanOrEqual(MOST_READS);
  expect(report.cost.bytes).toBeLessThanOrEqual(MOST_BYTES);
  const refused = report.findings.some((finding) => finding.severity === 'REJECT');
  expect(report.verdict).toBe(refused ? 'reject' : 'accept');
  for (const { message } of report.findings) expect(message).toMatch(/^[\x20-\x7e\u2026]+[.;,].*$/);
}

describe('mutants', () => {
  it.each(KINDS)(
    'of a $name are judged within the budget, and none that leads astray is taken',
    async (kind) => {
      const original = kind.original();
      expect((await inspect(bytesReader(original))).verdict).toBe('accept');
      const next = random(0x5eed);
      let taken = 0;
      for (let i = 0; i < kind.mutants; i++) {
        const changed = mutant(original, kind.hot, next);
        const bytes = kind.mend === undefined ? changed : kind.mend(new Packer(changed)).bytes;
        const report = await inspect(bytesReader(bytes));
        checkReport(report);
        if (report.verdict !== 'accept' || report.format === 'RAW') continue;
        taken += 1;
        expect(kind.dangers(bytes), `mutant ${i}`).toEqual([]);
      }
      // Were nothing or everything taken, the mutants would show little.
      expect(taken).toBeGreaterThan(kind.mutants / 50);
      expect(taken).toBeLessThan(kind.mutants * 0.9);
    },
  );
});
