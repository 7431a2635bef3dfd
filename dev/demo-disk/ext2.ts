/** The ext2 layout (Linux Documentation/filesystems/ext2): one block group, one file. */
export interface RootContent {
  readonly sizeBytes: number;
  readonly label: string;
  /** 32 hexadecimal digits. */
  readonly uuid: string;
  /** Text of `etc/os-release`; at most one block. */
  readonly osRelease: string;
}

const BLOCK_BYTES = 1024;
const BLOCKS_PER_GROUP = 8192;
const INODES = 64;
const INODE_BYTES = 128;
const INODE_TABLE = { block: 5, blocks: (INODES * INODE_BYTES) / BLOCK_BYTES };
const [SUPERBLOCK, DESCRIPTORS, BLOCK_BITMAP, INODE_BITMAP] = [1, 2, 3, 4];
const FIRST_DATA = INODE_TABLE.block + INODE_TABLE.blocks;
const [ROOT, LOST_FOUND, ETC, OS_RELEASE] = [2, 11, 12, 13];
const USED_BLOCKS = FIRST_DATA + 4;
const USED_INODES = OS_RELEASE;
/** Seconds since 1970: 1 January 2026. */
const TIME = 1_767_225_600;
const FILE = 1;
const DIRECTORY = 2;

export function rootFileSystem({ sizeBytes, label, uuid, osRelease }: RootContent): Buffer {
  const text = Buffer.from(osRelease);
  const blocks = sizeBytes / BLOCK_BYTES;
  if (text.length > BLOCK_BYTES) throw new RangeError('os-release takes more than one block');
  if (blocks > BLOCKS_PER_GROUP) throw new RangeError('the file system takes more than one block group');
  const volume = Buffer.alloc(sizeBytes);
  writeSuperblock(volume.subarray(SUPERBLOCK * BLOCK_BYTES), blocks, label, uuid);
  writeGroupDescriptor(volume.subarray(DESCRIPTORS * BLOCK_BYTES), blocks);
  // Block numbers begin with 1, as do those of inodes; what lies beyond the end counts as used.
  writeBitmap(volume.subarray(BLOCK_BITMAP * BLOCK_BYTES), USED_BLOCKS - 1, blocks - 1);
  writeBitmap(volume.subarray(INODE_BITMAP * BLOCK_BYTES), USED_INODES, INODES);

  const directory = (
    number: number,
    mode: number,
    links: number,
    entries: readonly Entry[],
    block: number,
  ) => {
    writeInode(volume, number, 0x4000 | mode, links, BLOCK_BYTES, block);
    writeEntries(volume.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES), entries);
  };
  const root: Entry[] = [
    [ROOT, DIRECTORY, '.'],
    [ROOT, DIRECTORY, '..'],
    [LOST_FOUND, DIRECTORY, 'lost+found'],
    [ETC, DIRECTORY, 'etc'],
  ];
  const lostFound: Entry[] = [
    [LOST_FOUND, DIRECTORY, '.'],
    [ROOT, DIRECTORY, '..'],
  ];
  const etc: Entry[] = [
    [ETC, DIRECTORY, '.'],
    [ROOT, DIRECTORY, '..'],
    [OS_RELEASE, FILE, 'os-release'],
  ];
  directory(ROOT, 0o755, 4, root, FIRST_DATA);
  directory(LOST_FOUND, 0o700, 2, lostFound, FIRST_DATA + 1);
  directory(ETC, 0o755, 2, etc, FIRST_DATA + 2);
  writeInode(volume, OS_RELEASE, 0x8000 | 0o644, 1, text.length, FIRST_DATA + 3);
  text.copy(volume, (FIRST_DATA + 3) * BLOCK_BYTES);
  return volume;
}

function writeSuperblock(bytes: Buffer, blocks: number, label: string, uuid: string): void {
  const words: readonly [offset: number, value: number][] = [
    [0, INODES],
    [4, blocks],
    [12, blocks - USED_BLOCKS],
    [16, INODES - USED_INODES],
    [20, 1],
    [32, BLOCKS_PER_GROUP],
    [36, BLOCKS_PER_GROUP],
    [40, INODES],
    [48, TIME],
    [64, TIME],
    [76, 1],
    [84, LOST_FOUND],
    [96, 0x2], // directory entries carry the type of their file
    [100, 0x1], // copies of the superblock only in some groups
  ];
  for (const [offset, value] of words) bytes.writeUInt32LE(value, offset);
  bytes.writeUInt16LE(0xffff, 54);
  bytes.writeUInt16LE(0xef53, 56);
  bytes.writeUInt16LE(1, 58);
  bytes.writeUInt16LE(1, 60);
  bytes.writeUInt16LE(INODE_BYTES, 88);
  bytes.write(uuid, 104, 'hex');
  bytes.write(label, 120, 'latin1');
}

function writeGroupDescriptor(bytes: Buffer, blocks: number): void {
  bytes.writeUInt32LE(BLOCK_BITMAP, 0);
  bytes.writeUInt32LE(INODE_BITMAP, 4);
  bytes.writeUInt32LE(INODE_TABLE.block, 8);
  bytes.writeUInt16LE(blocks - USED_BLOCKS, 12);
  bytes.writeUInt16LE(INODES - USED_INODES, 14);
  bytes.writeUInt16LE(3, 16);
}

/** The first `used` of `count` are taken. */
function writeBitmap(bytes: Buffer, used: number, count: number): void {
  for (let bit = 0; bit < BLOCK_BYTES * 8; bit += 1) {
    if (bit < used || bit >= count) bytes[bit >> 3]! |= 1 << (bit & 7);
  }
}

function writeInode(
  volume: Buffer,
  number: number,
  mode: number,
  links: number,
  sizeBytes: number,
  block: number,
): void {
  const at = INODE_TABLE.block * BLOCK_BYTES + (number - 1) * INODE_BYTES;
  volume.writeUInt16LE(mode, at);
  volume.writeUInt32LE(sizeBytes, at + 4);
  for (const time of [8, 12, 16]) volume.writeUInt32LE(TIME, at + time);
  volume.writeUInt16LE(links, at + 26);
  volume.writeUInt32LE(BLOCK_BYTES / 512, at + 28);
  volume.writeUInt32LE(block, at + 40);
}

type Entry = readonly [inode: number, type: number, name: string];

/** Each entry says how long it is; the last one reaches to the end of the block. */
function writeEntries(block: Buffer, entries: readonly Entry[]): void {
  let at = 0;
  entries.forEach(([inode, type, name], index) => {
    const length = index === entries.length - 1 ? block.length - at : (8 + name.length + 3) & ~3;
    block.writeUInt32LE(inode, at);
    block.writeUInt16LE(length, at + 4);
    block.writeUInt8(name.length, at + 6);
    block.writeUInt8(type, at + 7);
    block.write(name, at + 8, 'latin1');
    at += length;
  });
}
