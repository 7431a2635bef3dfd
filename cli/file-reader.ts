import { type FileHandle, open } from 'node:fs/promises';
import type { RangeReader } from '../inspect/readers/range-reader.ts';

/** A local file, read by ranges. Close it when done. */
export interface FileReader extends RangeReader {
  close(): Promise<void>;
}

/** Opens a file for reading. Rejects when it cannot be opened or is a directory. */
export async function openFile(path: string): Promise<FileReader> {
  const handle = await open(path, 'r');
  try {
    const size = await sizeOf(handle, path);
    return {
      size,
      read: (offset, length) => readExactly(handle, path, offset, length),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function sizeOf(handle: FileHandle, path: string): Promise<number> {
  const stat = await handle.stat();
  if (stat.isFile()) return stat.size;
  if (stat.isBlockDevice()) throw new Error(`${path} is a block device; copy it into a file first`);
  throw new Error(`${path} is not a file`);
}

async function readExactly(
  handle: FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
    filled += bytesRead;
  }
  return bytes;
}
