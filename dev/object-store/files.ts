import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes that survive the end of the process at any moment. A file is written and flushed under `tmp/`, then
 * renamed into its place, then the folder is flushed: it is there whole or not at all. What is in `tmp/` at a start
 * was never part of the state.
 */
export class DurableFiles {
  readonly #dir: string;
  readonly #tmp: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#tmp = join(dir, 'tmp');
  }

  static async open(dir: string): Promise<DurableFiles> {
    const files = new DurableFiles(dir);
    await rm(files.#tmp, { recursive: true, force: true });
    await mkdir(files.#tmp, { recursive: true });
    return files;
  }

  path(...names: string[]): string {
    return join(this.#dir, ...names);
  }

  /** Lets `write` fill a new file and puts it at `path`. When `write` throws, nothing is left. */
  async create<Result>(path: string, write: (file: FileHandle) => Promise<Result>): Promise<Result> {
    const temporary = join(this.#tmp, randomUUID());
    try {
      const file = await open(temporary, 'wx');
      let result: Result;
      try {
        result = await write(file);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      await flushFolder(dirname(path));
      return result;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async createJson(path: string, value: unknown): Promise<void> {
    await this.create(path, (file) => file.writeFile(JSON.stringify(value)));
  }

  async createFolder(path: string): Promise<void> {
    await mkdir(path, { recursive: true });
    await flushFolder(dirname(path));
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    await flushFolder(dirname(path));
  }

  /** Removes what no record names any more: should it come back, the next start removes it again. */
  async discard(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async removeFolder(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  /** Names in a folder. */
  async names(path: string): Promise<string[]> {
    return await readdir(path);
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Runs tasks of one name one after another; tasks of other names run beside them. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(task, task);
    this.#last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}
