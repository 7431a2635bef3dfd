/** How long an inspection takes beside `qemu-img info` on the same file: ratios of times that were taken in turn. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFile } from '../cli/file-reader.ts';
import { projectFolder } from '../dev/project.ts';
import { inspect } from '../inspect/inspect.ts';
import { corpus, corpusImage } from '../test/corpus.ts';
import type { SparseImage } from '../test/sparse-image.ts';
import { inTurn, median } from './in-turn.ts';
import { sizedDisks } from './inspection-costs.ts';
import { rounded } from './results.ts';

/** What one file, or the median of several, takes: 1 is as long as `qemu-img info`. */
export type Beside = readonly {
  readonly file: string;
  /** The inspection alone, as a running function does it, against the whole process of qemu-img. */
  readonly inspection: number;
  /** What `npm run inspect` starts, against the same; a process of its own for the file. */
  readonly command?: number;
}[];

/** Every how many samples one is taken when it must be quick. */
const QUICK_EVERY = 10;
const ROUNDS = { quick: 3, whole: 3 };

/** out: ratios by file, or why there are none. */
export async function besideQemuImg({ quick }: { readonly quick: boolean }): Promise<Beside | string> {
  if (!(await isInstalled())) return 'qemu-img is not installed';
  const folder = mkdtempSync(join(tmpdir(), 'bullion-bench-'));
  const rounds = quick ? ROUNDS.quick : ROUNDS.whole;
  try {
    const samples = corpus().filter((_, index) => !quick || index % QUICK_EVERY === 0);
    const ratios: { verdict: string; ratio: number }[] = [];
    for (const entry of samples) {
      const path = await written(corpusImage(entry), folder);
      const times = await inTurn(tasksOn(path), { rounds, warmUp: 1 });
      ratios.push({ verdict: entry.expect.verdict, ratio: times.inspection / times.qemuImg });
    }
    const beside = ['accept', 'reject'].map((verdict) => {
      const own = ratios.filter((one) => one.verdict === verdict).map(({ ratio }) => ratio);
      const what = verdict === 'accept' ? 'accepted' : 'refused';
      return { file: `${own.length} ${what} samples, median`, inspection: rounded(median(own)) };
    });
    const disks = sizedDisks().filter(({ size }) => !quick || size === '8 TiB');
    return [...beside, ...(await besideOnDisks(disks, folder, rounds))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function besideOnDisks(
  disks: ReturnType<typeof sizedDisks>,
  folder: string,
  rounds: number,
): Promise<Beside> {
  const beside = [];
  for (const { container, size, make } of disks) {
    const path = await written(make(), folder);
    const command = () => ended(process.execPath, [join('dev', 'run.mjs'), 'inspect', path]);
    const times = await inTurn({ ...tasksOn(path), command }, { rounds, warmUp: 1 });
    beside.push({
      file: `${container} of ${size}`,
      inspection: rounded(times.inspection / times.qemuImg),
      command: rounded(times.command / times.qemuImg),
    });
  }
  return beside;
}

function tasksOn(path: string) {
  return {
    qemuImg: () => ended('qemu-img', ['info', path]),
    inspection: async () => {
      const reader = await openFile(path);
      try {
        await inspect(reader);
      } finally {
        await reader.close();
      }
    },
  };
}

/** Writes what the image stores, in a sparse file that replaces the one before. */
async function written(image: SparseImage, folder: string): Promise<string> {
  const path = join(folder, 'image');
  const file = await open(path, 'w');
  try {
    await file.truncate(image.size);
    for (const { offset, data } of image.segments()) await file.write(data, 0, data.length, offset);
  } finally {
    await file.close();
  }
  return path;
}

async function isInstalled(): Promise<boolean> {
  try {
    await promisify(execFile)('qemu-img', ['--version']);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Runs a program until it ends, however it ends: qemu-img refuses some of the samples, and says so by its status. */
function ended(program: string, programArguments: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn(program, programArguments, { cwd: projectFolder, stdio: 'ignore' })
      .on('error', reject)
      .on('close', () => resolve());
  });
}
