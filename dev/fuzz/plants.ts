/** What an attacker would write: the fields by which a file names another one, asks for a secret, or hides an image. */
import type { SparseImage } from '../../test/sparse-image.ts';
import type { Random } from './random.ts';

const SECTOR = 512;

/** Lines of a VMDK descriptor that lead out of the file. */
const LINES = [
  'parentFileNameHint="/etc/passwd"',
  '# parentFileNameHint="base.vmdk"',
  'parentCID=12345678',
  'changeTrackPath="disk-ctk.vmdk"',
  'createType="monolithicFlat"',
  'createType="vmfsRaw"',
  'RW 16384 FLAT "/etc/passwd" 0',
  'RW 16384 SPARSE "../other.vmdk"',
  'RW 16384 ZERO',
  'RDONLY 63 VMFSRDM "disk-rdm.vmdk"',
  'encryption.keySafe = "vmware:key/list/"',
  'version=1',
];

/** What programs that probe know images, media, archives and documents by. */
const MAGICS = [
  ...['QFI\xfb\0\0\0\x03', 'KDMV\x01\0\0\0', 'COWD', 'conectix', 'vhdxfile', 'QED\0', 'LUKS\xba\xbe\0\x02'],
  ...[
    'WithoutFreeSpace',
    'Bochs Virtual HD Image',
    '#!/bin/sh\n#V2.0 Format\n',
    'version=1\n',
    'koly',
    'hsqs',
  ],
  ...[
    'MSWIM\0\0\0',
    '\x1f\x8b\x08',
    '\x28\xb5\x2f\xfd',
    'PK\x03\x04',
    '7z\xbc\xaf\x27\x1c',
    '%PDF-1.7',
    '<html>',
  ],
  ...['{"a":1}', '\x7fELF', 'MZ', '#!/bin/sh\n', '\xeb\x3c\x90mkfs.fat', 'EFI PART', '\x01CD001\x01'],
];

/** Types of qcow2 header extensions: backing format, data file, encryption, bitmaps, feature names, none. */
const EXTENSIONS = [0xe2792aca, 0x44415441, 0x0537be77, 0x23852875, 0x6803f857, 0x12345678];

/**
 * Writes one such thing where the format has it, or a magic where something could begin; `bootSectors` are places of
 * the disk's own first sector and of those of its partitions. Undefined when there was no room.
 */
export function plant(
  image: SparseImage,
  bootSectors: readonly number[],
  random: Random,
): string | undefined {
  if (image.size < 2 * SECTOR || random.chance(0.25)) return plantMagic(image, bootSectors, random);
  const head = Buffer.from(image.read(0, 8)).toString('latin1');
  if (head.startsWith('QFI\xfb')) return plantInQcow2(image, random);
  if (head.startsWith('KDMV')) return plantInVmdk(image, random);
  const isVhd = Buffer.from(image.read(image.size - SECTOR, 8)).toString('latin1') === 'conectix';
  return isVhd ? plantInVhd(image, random) : plantMagic(image, bootSectors, random);
}

function put(image: SparseImage, at: number, bytes: Uint8Array | readonly number[], what: string): string {
  image.write(at, Uint8Array.from(bytes));
  return `${what} at ${at}`;
}

/** Big-endian, 4 bytes. */
const u32 = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];

function plantMagic(image: SparseImage, bootSectors: readonly number[], random: Random): string {
  const magic = random.pick(MAGICS);
  const at = random.pick([0, SECTOR, 32_768, image.size - SECTOR, ...bootSectors]);
  return put(image, Math.max(0, at), Buffer.from(magic, 'latin1'), JSON.stringify(magic));
}

function plantInQcow2(image: SparseImage, random: Random): string {
  const kind = random.below(6);
  if (kind === 0)
    return put(image, 8, [...u32(0), ...u32(random.pick([112, 512, 65_536]))], 'backing offset');
  if (kind === 1) return put(image, 16, u32(random.pick([1, 11, 1023])), 'backing length');
  if (kind === 2) return put(image, 32, u32(random.pick([1, 2, 3])), 'encryption method');
  if (kind === 3) {
    const bit = random.below(64);
    const byte = 72 + 7 - Math.floor(bit / 8);
    const set = image.read(byte, 1)[0]! | (1 << (bit % 8));
    return put(image, byte, [set], `incompatible feature ${bit}`);
  }
  if (kind === 4) return put(image, 4, u32(random.pick([1, 2, 3, 4])), 'version');
  const type = random.pick(EXTENSIONS);
  const data = random.bytes(random.pick([0, 5, 8, 24]));
  const at = random.pick([72, 104, 112, 120]);
  return put(image, at, [...u32(type), ...u32(data.length), ...data], `extension ${type.toString(16)}`);
}

function plantInVmdk(image: SparseImage, random: Random): string | undefined {
  if (random.chance(0.25)) {
    const bit = random.below(32);
    const byte = 8 + Math.floor(bit / 8);
    return put(image, byte, [image.read(byte, 1)[0]! ^ (1 << (bit % 8))], `flag ${bit}`);
  }
  if (random.chance(0.1)) return put(image, 12, [0, 0, 0, 0, 0, 0, 0, 0], 'no capacity');
  const room = Math.min(20 * SECTOR, image.size - SECTOR);
  const text = Buffer.from(image.read(SECTOR, room)).toString('latin1').split('\0')[0]!;
  const lines = text.split('\n');
  const line = random.pick(LINES);
  const index = random.below(lines.length);
  const changed = lines.toSpliced(index, random.below(2), line).join('\n');
  if (changed.length > room) return undefined;
  return put(image, SECTOR, Buffer.from(changed, 'latin1'), `line ${index} ${JSON.stringify(line)}`);
}

function plantInVhd(image: SparseImage, random: Random): string {
  const footer = image.size - SECTOR;
  const isDynamic = Buffer.from(image.read(0, 8)).toString('latin1') === 'conectix';
  const kind = random.below(isDynamic ? 4 : 1);
  if (kind === 0) {
    const type = random.pick([0, 1, 2, 3, 4, 5]);
    const done = put(image, footer + 60, u32(type), `disk type ${type}`);
    return isDynamic && random.chance(0.7) ? `${done} and ${put(image, 60, u32(type), 'the same')}` : done;
  }
  // The dynamic header stands behind the copy of the footer in what every writer makes.
  if (kind === 1) return put(image, SECTOR + 40, random.bytes(16), 'parent id');
  if (kind === 2) return put(image, SECTOR + 64, Buffer.from('b\0a\0s\0e\0.\0v\0h\0d\0'), 'parent name');
  const locator = 576 + 24 * random.below(8);
  return put(image, SECTOR + locator, Buffer.from('W2ku'), 'parent locator');
}
