/**
 * Why a file must not be accepted, judged by its bytes alone: that it names another file, demands a feature that is
 * not known, or shows an image to programs that look for one. Written from the specifications and sharing nothing
 * with the inspection, so that a fault of one is not a fault of the other.
 */
import type { SparseImage } from '../../test/sparse-image.ts';

const SECTOR = 512;
const MOST_BYTES = 8n << 40n;
/** How far programs look for the text of a VMDK descriptor. */
const DESCRIPTOR_BYTES = 20 * SECTOR;

/** Numbers and text of an image; zeros where it ends before. */
class Bytes {
  readonly #image: SparseImage;
  readonly size: number;

  constructor(image: SparseImage) {
    this.#image = image;
    this.size = image.size;
  }

  at(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (!(offset >= 0 && offset < this.size)) return bytes;
    bytes.set(this.#image.read(offset, Math.min(length, this.size - offset)));
    return bytes;
  }

  text(offset: number, length: number): string {
    return this.at(offset, length).toString('latin1');
  }

  isZero(offset: number, length: number): boolean {
    return this.at(offset, length).every((byte) => byte === 0);
  }
}

/** Sentences, none for a file that may be accepted. `format` is what it was accepted as. */
export function dangersOf(image: SparseImage, format: string | undefined): string[] {
  const bytes = new Bytes(image);
  const footer = bytes.text(bytes.size - SECTOR, 8) === 'conectix';
  const formats = [
    ...(bytes.text(0, 4) === 'QFI\xfb' ? ['QCOW2'] : []),
    ...(bytes.text(0, 4) === 'KDMV' ? ['VMDK'] : []),
    ...(footer ? ['VHD'] : []),
  ];
  const dangers: string[] = [];
  if (formats.length > 1) dangers.push(`it is ${formats.join(' and ')} at once`);
  const expected = formats[0] ?? 'RAW';
  // A footer of 511 bytes is looked for by some programs only.
  if (format !== expected && !(format === 'VHD' && bytes.text(bytes.size - 511, 8) === 'conectix')) {
    dangers.push(`it was taken for ${format} and is ${expected}`);
  }
  if (expected === 'QCOW2') dangers.push(...qcow2Dangers(bytes));
  if (expected === 'VMDK') dangers.push(...vmdkDangers(bytes));
  if (expected === 'VHD') dangers.push(...vhdDangers(bytes));
  const shown = shownImage(firstSector(bytes, expected));
  if (shown !== undefined) dangers.push(`its guest begins with the header of ${shown}`);
  return dangers;
}

function qcow2Dangers(bytes: Bytes): string[] {
  const head = bytes.at(0, 128);
  const version = head.readUInt32BE(4);
  const dangers: string[] = [];
  if (version !== 2 && version !== 3) dangers.push(`qcow2 version ${version}`);
  if (head.readBigUInt64BE(8) !== 0n) dangers.push('backing file offset');
  if (head.readUInt32BE(16) !== 0) dangers.push('backing file length');
  if (head.readUInt32BE(32) !== 0) dangers.push('encryption method');
  if (head.readBigUInt64BE(24) > MOST_BYTES) dangers.push('virtual size above the limit');
  // Known are dirty (0), compression type (3) and extended L2 (4); corrupt (1) and data file (2) refuse.
  if (version === 3 && (head.readBigUInt64BE(72) & ~0b11001n) !== 0n) dangers.push('incompatible feature');
  const clusterBytes = 2 ** Math.min(21, head.readUInt32BE(20));
  let at = version === 3 ? head.readUInt32BE(100) : 72;
  for (let walked = 0; walked < 1000 && at + 8 <= clusterBytes; walked++) {
    const extension = bytes.at(at, 8);
    const type = extension.readUInt32BE(0);
    if (type === 0) break;
    if (type === 0xe2792aca) dangers.push('backing format extension');
    if (type === 0x44415441) dangers.push('data file extension');
    if (type === 0x0537be77) dangers.push('encryption extension');
    at += 8 + Math.ceil(extension.readUInt32BE(4) / 8) * 8;
  }
  return dangers;
}

function vmdkDangers(bytes: Bytes): string[] {
  const dangers = sparseHeaderDangers(bytes, 0);
  const announced = Number(bytes.at(36, 8).readBigUInt64LE()) * SECTOR;
  const length = Math.min(Math.max(announced, DESCRIPTOR_BYTES), 1024 * 1024);
  const text = bytes.text(SECTOR, length).split('\0')[0]!;
  if (/parentFileNameHint/i.test(text)) dangers.push('the descriptor names a parent');
  for (const [, parent] of text.matchAll(/^\s*parentCID\s*=\s*"?(\w*)/gim)) {
    if (parent!.toLowerCase() !== 'ffffffff') dangers.push(`parentCID ${parent}`);
  }
  if (/^\s*changeTrackPath\s*=/im.test(text)) dangers.push('changeTrackPath');
  if (/^\s*encryption\.|keySafe/im.test(text)) dangers.push('encryption keys');
  for (const [, type] of text.matchAll(/^\s*createType\s*=\s*"?([^"\r\n]*)/gim)) {
    if (type !== 'monolithicSparse' && type !== 'streamOptimized') dangers.push(`createType ${type}`);
  }
  const extents = text.split(/[\r\n]+/).filter((line) => /^\s*(RW|RDONLY|NOACCESS)\s/i.test(line));
  if (extents.length !== 1) dangers.push(`${extents.length} extents`);
  for (const line of extents) {
    const [, type, name] = /^\s*\w+\s+\d+\s+(\w+)\s+"([^"]*)"/.exec(line) ?? [];
    if (type?.toUpperCase() !== 'SPARSE') dangers.push(`the extent ${line}`);
    if (name === undefined || name === '' || /[/\\:]|\.\./.test(name)) dangers.push(`the extent ${line}`);
  }
  // All ones: the directory is named by the header copy behind the data.
  if (bytes.at(56, 8).readBigUInt64LE() === 0xffffffffffffffffn) {
    let footer = bytes.size - (bytes.size % SECTOR) - SECTOR;
    while (footer > 0 && bytes.text(footer, 4) !== 'KDMV') footer -= SECTOR;
    dangers.push(...sparseHeaderDangers(bytes, footer));
    if (bytes.text(footer + 12, 8) !== bytes.text(12, 8)) dangers.push('two capacities');
  }
  return dangers;
}

function sparseHeaderDangers(bytes: Bytes, at: number): string[] {
  const header = bytes.at(at, SECTOR);
  const capacity = header.readBigUInt64LE(12);
  const dangers: string[] = [];
  if (capacity === 0n) dangers.push('no capacity, so that readers follow the descriptor');
  if (capacity > MOST_BYTES / BigInt(SECTOR)) dangers.push('capacity above the limit');
  if (header.readUInt32LE(8) >>> 18 !== 0) dangers.push('a flag that must be known and is not');
  if (header.readUInt16LE(77) > 1) dangers.push('an unknown compression');
  if (header.readBigUInt64LE(28) !== 1n) dangers.push('a descriptor that is not where readers look');
  return dangers;
}

function vhdDangers(bytes: Bytes): string[] {
  const footer = bytes.at(bytes.size - SECTOR, SECTOR);
  const type = footer.readUInt32BE(60);
  const hasCopy = bytes.text(0, 8) === 'conectix';
  const dangers: string[] = [];
  if (type !== 2 && type !== 3) dangers.push(`disk type ${type}`);
  if (hasCopy && type === 2) dangers.push('a fixed disk that begins with a footer');
  if (hasCopy && bytes.at(60, 4).readUInt32BE() === 4)
    dangers.push('a copy of the footer that names a parent');
  if (footer.readBigUInt64BE(48) > MOST_BYTES) dangers.push('size above the limit');
  if (type !== 3) return dangers;
  const header = Number(footer.readBigUInt64BE(16));
  if (!bytes.isZero(header + 40, 16)) dangers.push('parent id');
  if (!bytes.isZero(header + 64, 512)) dangers.push('parent name');
  for (let locator = 576; locator < 768; locator += 24) {
    if (!bytes.isZero(header + locator, 4)) dangers.push('parent locator');
  }
  return dangers;
}

/** The first bytes that a guest sees; undefined where they are compressed. */
function firstSector(bytes: Bytes, format: string): Buffer | undefined {
  const zeros = Buffer.alloc(SECTOR);
  if (format === 'QCOW2') {
    const extended = bytes.at(4, 4).readUInt32BE() === 3 && (bytes.at(79, 1)[0]! & 0b10000) !== 0;
    const address = (entry: bigint) => Number(entry & 0x00fffffffffffe00n);
    const table = address(bytes.at(Number(bytes.at(40, 8).readBigUInt64BE()), 8).readBigUInt64BE());
    if (table === 0) return zeros;
    const entry = bytes.at(table, 8).readBigUInt64BE();
    if ((entry >> 62n) & 1n) return undefined;
    const isZero = extended ? (bytes.at(table + 15, 1)[0]! & 1) === 0 : (entry & 1n) === 1n;
    return isZero || address(entry) === 0 ? zeros : bytes.at(address(entry), SECTOR);
  }
  if (format === 'VMDK') {
    if (bytes.at(77, 2).readUInt16LE() !== 0) return undefined;
    const directory = Number(bytes.at(56, 8).readBigUInt64LE()) * SECTOR;
    const table = bytes.at(directory, 4).readUInt32LE() * SECTOR;
    const grain = table === 0 ? 0 : bytes.at(table, 4).readUInt32LE();
    return grain <= 1 ? zeros : bytes.at(grain * SECTOR, SECTOR);
  }
  if (format === 'VHD' && bytes.at(bytes.size - SECTOR + 60, 4).readUInt32BE() === 3) {
    const header = Number(bytes.at(bytes.size - SECTOR + 16, 8).readBigUInt64BE());
    const block = bytes.at(Number(bytes.at(header + 16, 8).readBigUInt64BE()), 4).readUInt32BE();
    const bitmap = Math.ceil(bytes.at(header + 32, 4).readUInt32BE() / SECTOR / 8 / SECTOR);
    return block === 0xffffffff ? zeros : bytes.at((block + bitmap) * SECTOR, SECTOR);
  }
  return bytes.at(0, SECTOR);
}

const SHOWN: readonly (readonly [name: string, magic: RegExp])[] = [
  ['qcow', /^QFI\xfb/],
  ['VMDK', /^(?:KDMV|COWD|\xbe\xba\xfe\xca\0\0\0\0)/],
  ['a VMDK descriptor', /^(?:#[^\n]*\n| +\r?\n)*version=[123]\r?\n/],
  ['VHD', /^conectix/],
  ['VHDX', /^vhdxfile/],
  ['QED', /^QED\0/],
  ['LUKS', /^LUKS\xba\xbe\0[\x01\x02]/],
  ['Parallels', /^(?:WithoutFreeSpace|WithouFreSpacExt)/],
  ['Bochs', /^Bochs Virtual HD Image/],
  ['cloop', /^#!\/bin\/sh\n#V2\.0 Format\n/],
  ['VDI', /^[\s\S]{64}\x7f\x10\xda\xbe/],
];

/** The image that a program would take these bytes for. */
function shownImage(sector: Buffer | undefined): string | undefined {
  const text = sector?.toString('latin1') ?? '';
  return SHOWN.find(([, magic]) => magic.test(text))?.[0];
}
