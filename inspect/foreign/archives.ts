/** What an archive around a disk says of its members, as far as the first bytes show it. */
import { allZero, covers, hasAscii, hasBytes, u8, u16le, u32le } from '../readers/bytes.ts';
import { latin1, untilNul } from '../readers/text.ts';

const TAR_BLOCK = 512;
const MAX_MEMBERS = 16;
const DISK_NAME = /\.(qcow2?|vmdk|vhd|vhdx|vdi|img|raw|disk)$/i;

/** POSIX or GNU tar by its magic, older tar by its checksum (POSIX.1-2017, "pax", ustar interchange format). */
export function isTar(head: Uint8Array): boolean {
  if (!covers(head.length, 0, TAR_BLOCK)) return false;
  if (hasAscii(head, 257, 'ustar\x0000') || hasAscii(head, 257, 'ustar  \0')) return true;
  if (head[0] === 0 || allZero(head, 148, 8)) return false;
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : head[i]!;
  const written = latin1(head.subarray(148, 156));
  return /^ *[0-7]+[\0 ]+$/.test(written) && Number.parseInt(written, 8) === sum;
}

export function isZip(head: Uint8Array): boolean {
  return [
    [3, 4],
    [5, 6],
    [7, 8],
  ].some(([a, b]) => hasBytes(head, 0, [0x50, 0x4b, a!, b!]));
}

/** `, and its disk is probably "x.vmdk"`, or nothing when the head shows no such member. */
export function archiveMembers(head: Uint8Array): string {
  const names = isZip(head) ? zipNames(head) : tarNames(head);
  const appliance = names.some((name) => /\.ovf$/i.test(name));
  const disk = names.find((name) => DISK_NAME.test(name));
  const kind = appliance ? ' (an OVA)' : '';
  return disk === undefined ? kind : `${kind}, and its disk is probably "${show(disk)}"`;
}

/** `, and holds "x.img"` by the name that gzip keeps (RFC 1952, section 2.3). */
export function gzipName(head: Uint8Array): string {
  if (!covers(head.length, 0, 10) || (u8(head, 3) & 8) === 0) return '';
  let at = 10;
  if ((u8(head, 3) & 4) !== 0) {
    if (!covers(head.length, at, 2)) return '';
    at += 2 + u16le(head, at);
  }
  const name = latin1(untilNul(head.subarray(at, at + 255)));
  return name === '' ? '' : ` and holds "${show(name)}"`;
}

/** Names are anybody's text: printable ASCII, and not endless. */
function show(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}

function tarNames(head: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; names.length < MAX_MEMBERS && covers(head.length, at, TAR_BLOCK); ) {
    const name = latin1(untilNul(head.subarray(at, at + 100)));
    if (name === '') break;
    names.push(name);
    const size = tarNumber(head.subarray(at + 124, at + 136));
    if (size === undefined) break;
    at += TAR_BLOCK + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  return names;
}

/** Octal text, or base-256 when the top bit of the first byte is set. */
function tarNumber(field: Uint8Array): number | undefined {
  let value = 0;
  if ((field[0]! & 0x80) !== 0) {
    for (let i = 1; i < field.length; i++) value = value * 256 + field[i]!;
  } else value = Number.parseInt(latin1(field).trim() || '0', 8);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Members whose sizes the local headers give; one written as a stream ends the walk. */
function zipNames(head: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; names.length < MAX_MEMBERS && covers(head.length, at, 30); ) {
    if (!hasBytes(head, at, [0x50, 0x4b, 3, 4])) break;
    const nameBytes = u16le(head, at + 26);
    names.push(latin1(head.subarray(at + 30, at + 30 + nameBytes)));
    if ((u16le(head, at + 6) & 8) !== 0) break;
    at += 30 + nameBytes + u16le(head, at + 28) + u32le(head, at + 18);
  }
  return names;
}
