/** Headers of disk images: the containers that are taken, and those that are refused by name. */
import { type Foreign, unsupported } from './foreign/foreign.ts';
import { covers, hasAscii, hasBytes, u16be, u32be } from './readers/bytes.ts';

export type ContainerKind = 'QCOW2' | 'VMDK' | 'VHD';

export type Image = { readonly kind: ContainerKind; readonly name: string } | { readonly foreign: Foreign };

function image(...named: Parameters<typeof unsupported>): { readonly foreign: Foreign } {
  return { foreign: unsupported(...named) };
}

/**
 * Headers of disk images at the start of a file or of a guest's disk: whatever a program that probes would open as
 * an image of its own. `bytes` is the first 512 or more.
 */
export function recogniseImage(bytes: Uint8Array): Image | undefined {
  if (hasBytes(bytes, 0, [0x51, 0x46, 0x49, 0xfb])) {
    return covers(bytes.length, 4, 4) && u32be(bytes, 4) === 1
      ? image('QCOW1', 'a qcow image of version 1')
      : { kind: 'QCOW2', name: 'qcow2' };
  }
  if (hasAscii(bytes, 0, 'KDMV') || hasAscii(bytes, 0, 'kdmv') || isSeSparse(bytes)) {
    return { kind: 'VMDK', name: 'VMDK' };
  }
  if (hasAscii(bytes, 0, 'conectix')) return { kind: 'VHD', name: 'VHD' };
  if (hasAscii(bytes, 0, 'COWD')) return image('COWD', 'an old ESX copy-on-write disk (COWD)');
  if (hasAscii(bytes, 0, 'vhdxfile')) return image('VHDX', 'a VHDX image');
  if (hasAscii(bytes, 0, 'QED\0')) return image('QED', 'a QED image');
  if (hasAscii(bytes, 0, 'WithoutFreeSpace') || hasAscii(bytes, 0, 'WithouFreSpacExt')) {
    return image('PARALLELS', 'a Parallels disk');
  }
  if (hasAscii(bytes, 0, 'Bochs Virtual HD Image')) return image('BOCHS', 'a Bochs disk');
  if (hasAscii(bytes, 0, '#!/bin/sh\n#V2.0 Format\n')) return image('CLOOP', 'a cloop image');
  if (isLuks(bytes)) {
    return image(
      'LUKS',
      'a LUKS-encrypted disk as a whole',
      'upload the disk decrypted, or encrypt only its partitions',
    );
  }
  if (hasBytes(bytes, 64, [0x7f, 0x10, 0xda, 0xbe])) return image('VDI', 'a VirtualBox disk image (VDI)');
  return isVmdkText(bytes) ? { kind: 'VMDK', name: 'VMDK descriptor' } : undefined;
}

/** seSparse extents of ESXi begin with a constant of their own. */
export function isSeSparse(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0]);
}

function isLuks(bytes: Uint8Array): boolean {
  if (!hasBytes(bytes, 0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) || !covers(bytes.length, 6, 2)) return false;
  const version = u16be(bytes, 6);
  return version === 1 || version === 2;
}

/**
 * A stand-alone VMDK descriptor: after lines that begin with `#` and blank lines comes `version=1`, `2` or `3`. A
 * script whose second line says so is one too.
 */
function isVmdkText(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    let end = bytes.indexOf(0x0a, at);
    if (end < 0) end = bytes.length;
    const comment = bytes[at] === 0x23;
    let blank = true;
    for (let i = at; i < end && blank && !comment; i++) blank = bytes[i] === 0x20 || bytes[i] === 0x0d;
    if (!comment && !blank) {
      const version = bytes[at + 8];
      const terminated = bytes[at + 9] === 0x0a || hasBytes(bytes, at + 9, [0x0d, 0x0a]);
      return hasAscii(bytes, at, 'version=') && version! >= 0x31 && version! <= 0x33 && terminated;
    }
    at = end + 1;
  }
  return false;
}
