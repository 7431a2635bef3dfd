import { demoDisk } from '../../dev/demo-disk/disk.ts';
import { corpusEntry, corpusReader } from '../corpus.ts';

/** The bytes of a sample image. */
export async function sample(file: string): Promise<Uint8Array> {
  const entry = corpusEntry(file);
  return await corpusReader(entry).read(0, entry.bytes);
}

/** 64 MiB of nothing in 192 KiB of qcow2: accepted, without an operating system and without a boot mode. */
export const emptyDisk = () => sample('qcow2-empty.qcow2');
export const EMPTY_DISK_BYTES = 64 * 2 ** 20;

const MIB = 2 ** 20;
const DEMO_BYTES = 12 * MIB;

/**
 * A RAW disk of exactly this length that boots by BIOS and UEFI, with content that differs by `version`. What lies
 * behind its partition table's backup is not zero, so that every part of an upload has bytes of its own.
 */
export function rawDisk(sizeBytes: number, version: string): Uint8Array {
  if (sizeBytes < DEMO_BYTES) throw new RangeError(`a disk has at least ${DEMO_BYTES} bytes`);
  const disk = new Uint8Array(sizeBytes);
  disk.set(demoDisk(version));
  for (let at = DEMO_BYTES; at < sizeBytes; at += 4096) disk[at] = 1 + ((at / 4096) % 251);
  return disk;
}
