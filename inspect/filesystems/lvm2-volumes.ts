/**
 * Logical volumes of an LVM2 physical volume, as far as they are plain stretches of it. LVM2
 * `lib/format_text/layout.h`; integers little-endian:
 *
 *   header of the physical volume  32 u64 bytes   40 data areas, then metadata areas: u64 offset, u64 bytes, ended by 0
 *   metadata area   0 u32 CRC of 4..511   4 " LVM2 x[5A%r0N*>"   24 u64 own offset   32 u64 bytes
 *                   40 u64 offset of the text   48 u64 bytes   56 u32 CRC   60 u32 flags (1: ignored)
 *   The area is a ring: text that passes its end goes on 512 bytes behind its beginning.
 */
import { covers, hasAscii, slice, toNumber, u32le, u64le } from '../readers/bytes.ts';
import { crc32From } from '../readers/checksum.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import { latin1 } from '../readers/text.ts';
import { type Extent, readerOf } from './extents.ts';
import { findLvmHeader } from './lvm2.ts';
import { parseLvmText, type Section, type TextValue } from './lvm2-text.ts';
import { Damaged, GivenUp } from './tree.ts';

const SECTOR = 512;
const AREA_MAGIC = ' LVM2 x[5A%r0N*>';
const CRC_START = 0xf597a6cf;
const LONGEST_TEXT_BYTES = 128 * 1024;
const MOST_VOLUMES = 256;
const MOST_SEGMENTS = 1024;
const FLAG_IGNORED = 1;
/** What installers call the volume of the root directory. */
const ROOT_NAMES = ['root', 'lv_root', 'ol-root', 'rootlv', 'slash'];

export interface LogicalVolume {
  readonly name: string;
  readonly reader: RangeReader;
}

export interface LogicalVolumes {
  /** Those that lie wholly and linearly on this physical volume, those named like a root first. */
  readonly plain: readonly LogicalVolume[];
  /** How many others there are: thin, mirrored, striped, or on other physical volumes too. */
  readonly others: number;
}

/** The visible logical volumes, swap left out. Throws Damaged or GivenUp when their description cannot be read. */
export async function logicalVolumes(volume: RangeReader, head: Uint8Array): Promise<LogicalVolumes> {
  const at = findLvmHeader(head);
  const text = at === undefined ? undefined : await readText(volume, head, at);
  if (at === undefined || text === undefined) return { plain: [], others: 0 };
  const group = [...(parseLvmText(text)?.sections.values() ?? [])][0];
  if (group === undefined) throw new Damaged('the description of its volume group cannot be read');
  const id = latin1(slice(head, at, 32));
  return volumesOf(volume, group, id);
}

async function readText(volume: RangeReader, head: Uint8Array, at: number): Promise<string | undefined> {
  const area = metadataArea(head, at);
  if (area === undefined) return undefined;
  const header = await readInside(volume, area, SECTOR);
  const sound =
    hasAscii(header, 4, AREA_MAGIC) &&
    u64le(header, 24) === BigInt(area) &&
    crc32From(CRC_START, slice(header, 4, SECTOR - 4)) === u32le(header, 0);
  if (!sound) throw new Damaged('the header of its metadata area is wrong');
  const areaBytes = toNumber(u64le(header, 32));
  const offset = toNumber(u64le(header, 40));
  const length = toNumber(u64le(header, 48));
  if (length === 0 || (u32le(header, 60) & FLAG_IGNORED) !== 0) return undefined;
  if (length > LONGEST_TEXT_BYTES) throw new GivenUp('the description of its volume group is too long');
  if (offset < SECTOR || offset >= areaBytes || length > areaBytes - SECTOR) {
    throw new Damaged('the description of its volume group lies outside its area');
  }
  const first = Math.min(length, areaBytes - offset);
  const bytes = new Uint8Array(length);
  bytes.set(await readInside(volume, area + offset, first));
  if (first < length) bytes.set(await readInside(volume, area + SECTOR, length - first), first);
  if (crc32From(CRC_START, bytes) !== u32le(header, 56)) {
    throw new Damaged('the description of its volume group fails its checksum');
  }
  const end = bytes.indexOf(0);
  return latin1(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Offset of the first metadata area: behind the list of data areas. */
function metadataArea(head: Uint8Array, at: number): number | undefined {
  let entry = at + 40;
  while (u64le(head, entry) !== 0n) entry += 16;
  const offset = toNumber(u64le(head, entry + 16));
  return offset === 0 ? undefined : offset;
}

async function readInside(volume: RangeReader, offset: number, length: number): Promise<Uint8Array> {
  if (!covers(volume.size, offset, length)) throw new Damaged('its metadata lie outside it');
  return volume.read(offset, length);
}

function volumesOf(volume: RangeReader, group: Section, id: string): LogicalVolumes {
  const extentBytes = numberOf(group.values.get('extent_size')) * SECTOR;
  const physical = [...(group.sections.get('physical_volumes')?.sections ?? [])].find(
    ([, section]) => String(section.values.get('id')).replaceAll('-', '') === id,
  );
  if (physical === undefined || extentBytes === 0) {
    throw new Damaged('the description of its volume group does not name it');
  }
  const [name, section] = physical;
  const start = numberOf(section.values.get('pe_start')) * SECTOR;
  const logical = [...(group.sections.get('logical_volumes')?.sections ?? [])].filter(
    ([lv, { values }]) => isVisible(values.get('status')) && !lv.includes('swap'),
  );
  if (logical.length > MOST_VOLUMES) throw new GivenUp('it has more logical volumes than are followed');
  const plain = logical.flatMap(([lv, description]): LogicalVolume[] => {
    const extents = linearExtents(description, { name, start, extentBytes });
    const last = extents?.at(-1);
    if (extents === undefined || last === undefined) return [];
    return [{ name: lv, reader: readerOf(volume, extents, last.fileOffset + last.length) }];
  });
  const rank = ({ name: lv }: LogicalVolume) => (ROOT_NAMES.includes(lv) ? 0 : 1);
  plain.sort((a, b) => rank(a) - rank(b));
  return { plain, others: logical.length - plain.length };
}

interface Physical {
  readonly name: string;
  /** Byte place of extent 0. */
  readonly start: number;
  readonly extentBytes: number;
}

/** The stretches of a logical volume in order; undefined when one of them is no plain stretch of `physical`. */
function linearExtents(description: Section, physical: Physical): Extent[] | undefined {
  const segments = [...description.sections.values()];
  if (segments.length > MOST_SEGMENTS)
    throw new GivenUp('a logical volume has more segments than are followed');
  const extents: Extent[] = [];
  for (const { values } of segments) {
    const stripes = values.get('stripes');
    const [on, first] = Array.isArray(stripes) ? stripes : [];
    const isPlain = values.get('type') === 'striped' && numberOf(values.get('stripe_count')) === 1;
    if (!isPlain || on !== physical.name || typeof first !== 'number') return undefined;
    extents.push({
      fileOffset: numberOf(values.get('start_extent')) * physical.extentBytes,
      length: numberOf(values.get('extent_count')) * physical.extentBytes,
      volumeOffset: physical.start + first * physical.extentBytes,
    });
  }
  extents.sort((a, b) => a.fileOffset - b.fileOffset);
  let end = 0;
  for (const { fileOffset, length, volumeOffset } of extents) {
    const isNext = fileOffset === end && length > 0 && Number.isSafeInteger((volumeOffset ?? 0) + length);
    if (!isNext) throw new Damaged('the segments of a logical volume do not follow each other');
    end += length;
  }
  return extents;
}

function isVisible(status: TextValue | undefined): boolean {
  return Array.isArray(status) && status.includes('VISIBLE');
}

/** A count as the text gives it; 0 when it is missing or none. */
function numberOf(value: TextValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
