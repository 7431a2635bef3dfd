/** Files and directories of a volume, whatever file system holds them. */

export interface FileNode {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** In bytes. */
  readonly size: number;
}

/** What a Unix mode says about its file: the format is in the highest four of sixteen bits. */
export function kindOfMode(mode: number): FileNode['kind'] {
  const format = mode & 0xf000;
  if (format === 0x4000) return 'directory';
  if (format === 0x8000) return 'file';
  return format === 0xa000 ? 'link' : 'other';
}

/**
 * One file system opened for reading. Methods throw `Damaged`, `GivenUp` or `Locked` for what the bytes say, and
 * pass on whatever the reader throws.
 */
export interface FileTree<N extends FileNode = FileNode> {
  root(): Promise<N>;
  /** The entry of that name, links not followed; undefined when there is none. */
  lookup(directory: N, name: string): Promise<N | undefined>;
  /** Names in a directory without `.` and `..`. */
  list(directory: N): Promise<string[]>;
  /** The first bytes of a file: all of it when it is no longer than `most`. */
  read(file: N, most: number): Promise<Uint8Array>;
  /** The target of a link as it is written. */
  target(link: N): Promise<string>;
}

/** A structure of the file system is wrong; the message says which. */
export class Damaged extends Error {
  override readonly name = 'Damaged';
}

/** The file system is well, but uses what is not read here or is larger than what is followed. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/** What was asked for is encrypted; the message names it: "a directory". */
export class Locked extends Error {
  override readonly name = 'Locked';
}
