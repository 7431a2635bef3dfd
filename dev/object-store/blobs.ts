import { randomUUID } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { DurableFiles } from './files.ts';

/** Bytes of one blob. Objects and parts are lists of these, so that joining parts and copying move no bytes. */
export interface Slice {
  readonly blob: string;
  readonly offset: number;
  readonly length: number;
}

const READ_BYTES = 256 * 1024;

/**
 * Immutable files of bytes. A blob lives as long as something uses it: an object, a part, or an answer that is
 * still being sent. Uses are counted in memory; at a start they are counted again from the records.
 */
export class Blobs {
  readonly #files: DurableFiles;
  readonly #uses = new Map<string, number>();

  private constructor(files: DurableFiles) {
    this.#files = files;
  }

  static async open(files: DurableFiles): Promise<Blobs> {
    await files.createFolder(files.path('blobs'));
    return new Blobs(files);
  }

  /** Makes a blob of what `write` puts into the file. It comes with one use, for the caller to release. */
  async create<Result>(
    write: (file: FileHandle) => Promise<Result>,
  ): Promise<{ slice: Slice; result: Result }> {
    const blob = randomUUID();
    const path = this.#path(blob);
    const result = await this.#files.create(path, write);
    this.#uses.set(blob, 1);
    return { slice: { blob, offset: 0, length: (await stat(path)).size }, result };
  }

  retain(slices: readonly Slice[]): void {
    for (const { blob } of slices) this.#uses.set(blob, (this.#uses.get(blob) ?? 0) + 1);
  }

  /** Gives up a use of each; blobs without any are deleted. */
  async release(slices: readonly Slice[]): Promise<void> {
    for (const { blob } of slices) {
      const uses = (this.#uses.get(blob) ?? 0) - 1;
      if (uses > 0) {
        this.#uses.set(blob, uses);
      } else {
        this.#uses.delete(blob);
        await this.#files.discard(this.#path(blob));
      }
    }
  }

  /** Deletes what no record uses: writes whose record was not reached before the process ended. */
  async removeUnused(): Promise<void> {
    for (const blob of await this.#files.names(this.#files.path('blobs'))) {
      if (!this.#uses.has(blob)) await this.#files.discard(this.#path(blob));
    }
  }

  /** `length` bytes from `offset` of the slices laid end to end, in chunks. Throws when a file is too short. */
  async *read(slices: readonly Slice[], offset: number, length: number): AsyncGenerator<Buffer> {
    for (const slice of subSlices(slices, offset, length)) yield* this.#readSlice(slice);
  }

  async *#readSlice({ blob, offset, length }: Slice): AsyncGenerator<Buffer> {
    const file = await open(this.#path(blob), 'r');
    try {
      let done = 0;
      while (done < length) {
        const wanted = Math.min(READ_BYTES, length - done);
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset + done);
        if (bytesRead === 0) throw new Error(`The file of blob ${blob} is shorter than its record says`);
        yield buffer.subarray(0, bytesRead);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  #path(blob: string): string {
    return this.#files.path('blobs', blob);
  }
}

/** The slices that make up `length` bytes from `offset`. */
export function subSlices(slices: readonly Slice[], offset: number, length: number): Slice[] {
  const end = offset + length;
  const found: Slice[] = [];
  let start = 0;
  for (const slice of slices) {
    const from = Math.max(offset, start);
    const to = Math.min(end, start + slice.length);
    if (from < to) found.push({ blob: slice.blob, offset: slice.offset + from - start, length: to - from });
    start += slice.length;
  }
  return found;
}
