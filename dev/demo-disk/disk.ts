import { rootFileSystem } from './ext2.ts';
import { espVolume } from './fat12.ts';
import { type GptPartition, gptDisk, SECTOR_BYTES } from './gpt.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 12 * MIB;

/**
 * A disk that a machine can start from, by BIOS or UEFI: it prints a line and stops. The same version gives the
 * same bytes, and each version others. Longer than one part of an upload, so that a push of it has two.
 */
export function demoDisk(version: string): Buffer {
  const esp = { offset: 2 * MIB, sizeBytes: 2 * MIB };
  const partitions: GptPartition[] = [
    {
      name: 'BIOS boot',
      typeGuid: '21686148-6449-6e6f-744e-656564454649',
      guid: '5f1c2a34-8d0b-4c6e-9a57-3be04d7c1901',
      offset: MIB,
      content: Buffer.alloc(MIB),
    },
    {
      name: 'EFI System Partition',
      typeGuid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
      guid: '5f1c2a34-8d0b-4c6e-9a57-3be04d7c1902',
      offset: esp.offset,
      content: espVolume({
        sizeBytes: esp.sizeBytes,
        hiddenSectors: esp.offset / SECTOR_BYTES,
        serial: 0x2026_0101,
        program: uefiProgram(),
      }),
    },
    {
      name: 'root',
      typeGuid: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
      guid: '5f1c2a34-8d0b-4c6e-9a57-3be04d7c1903',
      offset: 4 * MIB,
      content: rootFileSystem({
        sizeBytes: 7 * MIB,
        label: 'demo-root',
        uuid: '7b7b0d52d7a84f8e9f5c2f1e6a3c1904',
        osRelease: [
          'NAME="Bullion Demo"',
          'ID=bullion-demo',
          `VERSION_ID="${version}"`,
          `PRETTY_NAME="Bullion Demo ${version}"`,
          '',
        ].join('\n'),
      }),
    },
  ];
  return gptDisk(DISK_BYTES, '5f1c2a34-8d0b-4c6e-9a57-3be04d7c1900', biosProgram(), partitions);
}

/** The boot sector's code, which BIOS loads to 0x7C00: writes its text by BIOS call 10h/0Eh, then halts. */
function biosProgram(): Buffer {
  const code = Buffer.from([
    0xfa, // cli
    ...[0x31, 0xc0], // xor ax, ax
    ...[0x8e, 0xd8], // mov ds, ax
    ...[0x8e, 0xd0], // mov ss, ax
    ...[0xbc, 0x00, 0x7c], // mov sp, 0x7c00
    0xfb, // sti
    0xfc, // cld
    ...[0xbe, 0x20, 0x7c], // mov si, text
    0xac, // next: lodsb
    ...[0x84, 0xc0], // test al, al
    ...[0x74, 0x09], // jz halt
    ...[0xb4, 0x0e], // mov ah, 0x0e
    ...[0xbb, 0x07, 0x00], // mov bx, 7
    ...[0xcd, 0x10], // int 0x10
    ...[0xeb, 0xf2], // jmp next
    0xf4, // halt: hlt
    ...[0xeb, 0xfd], // jmp halt
  ]);
  return Buffer.concat([code, Buffer.from('This is the demo disk of Bullion.\r\n\0', 'latin1')]);
}

/** Microsoft's PE format, PE32+: a UEFI application for x86-64 that returns success at once. */
function uefiProgram(): Buffer {
  const file = Buffer.alloc(2 * SECTOR_BYTES);
  const pe = 0x40;
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(pe, 0x3c);
  file.write('PE\0\0', pe, 'latin1');
  file.writeUInt16LE(0x8664, pe + 4); // x86-64
  file.writeUInt16LE(1, pe + 6); // sections
  file.writeUInt16LE(240, pe + 20); // length of the optional header
  file.writeUInt16LE(0x0022, pe + 22); // executable, large addresses

  const optional = pe + 24;
  const words: readonly [offset: number, value: number][] = [
    [4, SECTOR_BYTES], // code
    [16, 0x1000], // entry point
    [20, 0x1000], // start of the code
    [24, 0x40_0000], // preferred address
    [32, 0x1000], // alignment in memory
    [36, SECTOR_BYTES], // alignment in the file
    [56, 0x2000], // length in memory
    [60, SECTOR_BYTES], // length of all headers
    [108, 16], // data directories, all empty
  ];
  file.writeUInt16LE(0x020b, optional);
  for (const [offset, value] of words) file.writeUInt32LE(value, optional + offset);
  file.writeUInt16LE(10, optional + 68); // subsystem: UEFI application

  const section = optional + 240;
  const code = Buffer.from([0x31, 0xc0, 0xc3]); // xor eax, eax; ret
  file.write('.text', section, 'latin1');
  file.writeUInt32LE(code.length, section + 8);
  file.writeUInt32LE(0x1000, section + 12);
  file.writeUInt32LE(SECTOR_BYTES, section + 16);
  file.writeUInt32LE(SECTOR_BYTES, section + 20);
  file.writeUInt32LE(0x6000_0020, section + 36); // code, executable, readable
  code.copy(file, SECTOR_BYTES);
  return file;
}
