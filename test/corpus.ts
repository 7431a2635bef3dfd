/** Reads the sample images of `test/corpus` straight from their stored forms. */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { RangeReader } from '../inspect/readers/range-reader.ts';

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

interface Segment {
  readonly offset: number;
  readonly data: Uint8Array;
}

const FOLDER = new URL('./corpus/', import.meta.url);

/** All entries in the order of the manifest. */
export function corpus(): readonly CorpusEntry[] {
  return JSON.parse(readFileSync(new URL('manifest.json', FOLDER), 'utf8')).entries;
}

/** The entry of a file; throws when there is none of that name. */
export function corpusEntry(file: string): CorpusEntry {
  const entry = corpus().find((candidate) => candidate.file === file);
  if (entry === undefined) throw new Error(`test/corpus has no file ${file}`);
  return entry;
}

/** A reader over the bytes of an entry; nothing between the segments of a sparse one is held in memory. */
export function corpusReader(entry: CorpusEntry): RangeReader {
  return segmentReader(load(entry), entry.bytes);
}

/** Writes an entry to `path` as a sparse file, for programs that want one. */
export async function materialise(entry: CorpusEntry, path: string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.truncate(entry.bytes);
    for (const { offset, data } of load(entry)) {
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
  return segmentReader([{ offset: 0, data: bytes }], bytes.length);
}

function load(entry: CorpusEntry): Segment[] {
  const raw = readFileSync(new URL(entry.stored, FOLDER));
  if (entry.stored === entry.file) return [{ offset: 0, data: raw }];
  if (entry.stored === `${entry.file}.gz`) return [{ offset: 0, data: gunzipSync(raw) }];
  const recipe: { segments: Record<string, string>[] } = JSON.parse(raw.toString('utf8'));
  return recipe.segments.map((segment) => ({
    offset: Number(segment.offset),
    data:
      segment['gz-base64'] === undefined
        ? Buffer.from(segment.base64 ?? '', 'base64')
        : gunzipSync(Buffer.from(segment['gz-base64'], 'base64')),
  }));
}

function segmentReader(segments: readonly Segment[], size: number): RangeReader {
  return {
    size,
    read: async (offset, length) => {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new Error(`read of ${length} bytes at ${offset} outside ${size} bytes`);
      }
      const bytes = new Uint8Array(length);
      for (const segment of segments) {
        const start = Math.max(offset, segment.offset);
        const end = Math.min(offset + length, segment.offset + segment.data.length);
        if (start < end) {
          bytes.set(segment.data.subarray(start - segment.offset, end - segment.offset), start - offset);
        }
      }
      return bytes;
    },
  };
}
