/** Reads the sample images of `test/corpus` straight from their stored forms. */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectFolder } from '../dev/project.ts';
import type { RangeReader } from '../inspect/readers/range-reader.ts';
import { parseRecipe, SparseImage } from './sparse-image.ts';

export interface CorpusEntry {
  readonly file: string;
  readonly stored: string;
  readonly bytes: number;
  /** Only up to 64 MiB. */
  readonly sha256?: string;
  readonly kind: string;
  readonly how: string;
  readonly expect: {
    readonly verdict: 'accept' | 'reject';
    readonly codes: readonly string[];
    readonly codesAnyOf?: readonly string[];
    readonly codesAllowed?: readonly string[];
    readonly facts: Readonly<Record<string, unknown>>;
    readonly optional?: Readonly<Record<string, unknown>>;
  };
  readonly guest?: {
    readonly size: string;
    readonly first: GuestRange;
    readonly ranges: readonly GuestRange[];
  };
}

export interface GuestRange {
  readonly offset: string;
  readonly length: number;
  readonly sha256: string;
}

const FOLDER = join(projectFolder, 'test', 'corpus');

/** All entries in the order of the manifest. */
export function corpus(): readonly CorpusEntry[] {
  return JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')).entries;
}

/** The entry of a file; throws when there is none of that name. */
export function corpusEntry(file: string): CorpusEntry {
  const entry = corpus().find((candidate) => candidate.file === file);
  if (entry === undefined) throw new Error(`test/corpus has no file ${file}`);
  return entry;
}

/** The bytes of an entry; nothing between the segments of a sparse one is held in memory. */
export function corpusImage(entry: CorpusEntry): SparseImage {
  const raw = readFileSync(join(FOLDER, entry.stored));
  if (entry.stored === entry.file) return imageOf(raw);
  return entry.stored === `${entry.file}.gz` ? imageOf(gunzipSync(raw)) : parseRecipe(raw.toString('utf8'));
}

/** A reader over the bytes of an entry. */
export function corpusReader(entry: CorpusEntry): RangeReader {
  return corpusImage(entry).reader();
}

/** Writes an entry to `path` as a sparse file, for programs that want one. */
export async function materialise(entry: CorpusEntry, path: string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.truncate(entry.bytes);
    for (const { offset, data } of corpusImage(entry).segments()) {
      for (let done = 0; done < data.length; ) {
        done += (await handle.write(data, done, data.length - done, offset + done)).bytesWritten;
      }
    }
  } finally {
    await handle.close();
  }
}

/** A reader over bytes in memory. */
export function bytesReader(bytes: Uint8Array): RangeReader {
  return imageOf(bytes).reader();
}

function imageOf(bytes: Uint8Array): SparseImage {
  return new SparseImage([{ offset: 0, data: bytes }], bytes.length);
}
