/** Microsoft's FAT specification 1.03: a FAT12 volume with one file, for an EFI System Partition. */
export interface EspContent {
  readonly sizeBytes: number;
  /** Sectors in front of the volume: the partition's start. */
  readonly hiddenSectors: number;
  readonly serial: number;
  /** The program in `EFI/BOOT/BOOTX64.EFI`; at most one cluster. */
  readonly program: Buffer;
}

const SECTOR_BYTES = 512;
const SECTORS_PER_CLUSTER = 2;
const CLUSTER_BYTES = SECTOR_BYTES * SECTORS_PER_CLUSTER;
const FAT_SECTORS = 6;
const ROOT_ENTRIES = 512;
const MEDIA = 0xf8;
const LABEL = 'EFI        ';
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const VOLUME_ID = 0x08;
/** 1 January 2026. */
const DATE = ((2026 - 1980) << 9) | (1 << 5) | 1;

const FAT_START = SECTOR_BYTES;
const ROOT_START = FAT_START + 2 * FAT_SECTORS * SECTOR_BYTES;
const DATA_START = ROOT_START + ROOT_ENTRIES * 32;
const [EFI_CLUSTER, BOOT_CLUSTER, PROGRAM_CLUSTER] = [2, 3, 4];

export function espVolume({ sizeBytes, hiddenSectors, serial, program }: EspContent): Buffer {
  if (program.length > CLUSTER_BYTES) throw new RangeError('the program takes more than one cluster');
  const volume = Buffer.alloc(sizeBytes);
  writeBootSector(volume, sizeBytes / SECTOR_BYTES, hiddenSectors, serial);

  // Media byte and end mark, then three chains of one cluster each (0xFFF: the last one).
  const fat = Buffer.from([MEDIA, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  fat.copy(volume, FAT_START);
  fat.copy(volume, FAT_START + FAT_SECTORS * SECTOR_BYTES);

  const root = [entry(LABEL, VOLUME_ID, 0, 0), entry('EFI        ', DIRECTORY, EFI_CLUSTER, 0)];
  const efi = [...dots(EFI_CLUSTER, 0), entry('BOOT       ', DIRECTORY, BOOT_CLUSTER, 0)];
  const boot = [
    ...dots(BOOT_CLUSTER, EFI_CLUSTER),
    entry('BOOTX64 EFI', ARCHIVE, PROGRAM_CLUSTER, program.length),
  ];
  Buffer.concat(root).copy(volume, ROOT_START);
  Buffer.concat(efi).copy(volume, clusterAt(EFI_CLUSTER));
  Buffer.concat(boot).copy(volume, clusterAt(BOOT_CLUSTER));
  program.copy(volume, clusterAt(PROGRAM_CLUSTER));
  return volume;
}

const clusterAt = (cluster: number) => DATA_START + (cluster - 2) * CLUSTER_BYTES;

function writeBootSector(volume: Buffer, sectors: number, hiddenSectors: number, serial: number): void {
  volume.set([0xeb, 0x3c, 0x90], 0);
  volume.write('BULLION ', 3, 'latin1');
  volume.writeUInt16LE(SECTOR_BYTES, 11);
  volume.writeUInt8(SECTORS_PER_CLUSTER, 13);
  volume.writeUInt16LE(1, 14);
  volume.writeUInt8(2, 16);
  volume.writeUInt16LE(ROOT_ENTRIES, 17);
  volume.writeUInt16LE(sectors, 19);
  volume.writeUInt8(MEDIA, 21);
  volume.writeUInt16LE(FAT_SECTORS, 22);
  volume.writeUInt16LE(32, 24);
  volume.writeUInt16LE(2, 26);
  volume.writeUInt32LE(hiddenSectors, 28);
  volume.writeUInt8(0x80, 36);
  volume.writeUInt8(0x29, 38);
  volume.writeUInt32LE(serial, 39);
  volume.write(LABEL, 43, 'latin1');
  volume.write('FAT12   ', 54, 'latin1');
  volume.writeUInt16LE(0xaa55, 510);
}

function entry(name: string, attributes: number, cluster: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(name.padEnd(11), 0, 'latin1');
  bytes.writeUInt8(attributes, 11);
  for (const date of [16, 18, 24]) bytes.writeUInt16LE(DATE, date);
  bytes.writeUInt16LE(cluster, 26);
  bytes.writeUInt32LE(sizeBytes, 28);
  return bytes;
}

/** A directory begins with itself and its parent; the root as a parent is cluster 0. */
function dots(own: number, parent: number): Buffer[] {
  return [entry('.', DIRECTORY, own, 0), entry('..', DIRECTORY, parent, 0)];
}
