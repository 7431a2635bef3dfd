/**
 * Logical partitions: a chain of extended boot records, each laid out like an MBR.
 *
 *   entry 0  the logical partition; its first LBA counts from this record
 *   entry 1  the next record (type 05, 0F, 85), counted from the extended partition; all zero at the chain's end
 *   entries 2 and 3 are not used
 */
import type { Limits } from '../limits.ts';
import type { RangeReader } from '../readers/range-reader.ts';
import type { Findings } from '../report.ts';
import {
  MBR_REFERENCE,
  MBR_SECTOR,
  type Mbr,
  type MbrEntry,
  mbrPartitionUuid,
  parseMbr,
  typeName,
  usedEntries,
} from './mbr.ts';
import { readInside, type Slot } from './table.ts';
import { isExtended } from './types.ts';

/** Numbers of logical partitions begin here, whatever the primary ones are. */
const FIRST_LOGICAL = 5;
/** In a long chain the partitions are often small: one read then brings several records. */
const LONG_CHAIN = 4;
const READ_AHEAD_BYTES = 64 * 1024;

/**
 * Follows the chain of the MBR's first extended partition and returns its logical partitions in the chain's order.
 * A chain that loops, leaves its container, breaks off or is too long is noted and ends where it goes wrong.
 */
export async function logicalSlots(
  view: RangeReader,
  mbr: Mbr,
  limits: Limits,
  findings: Findings,
): Promise<Slot[]> {
  const [container, second] = usedEntries(mbr).filter((entry) => isExtended(entry.type));
  if (container === undefined) return [];
  if (second !== undefined) {
    refuse(findings, 446 + 16 * second.slot, 'type', {
      message: `The MBR has a second extended partition in entry ${second.slot + 1}, which systems read differently; keep one.`,
      expected: 'one extended partition',
      found: 'two',
    });
  }
  return followChain(view, mbr.diskSignature, container, limits, findings);
}

async function followChain(
  view: RangeReader,
  diskSignature: number,
  container: MbrEntry,
  limits: Limits,
  findings: Findings,
): Promise<Slot[]> {
  const slots: Slot[] = [];
  const visited = new Set<number>();
  let lba = container.firstLba;
  let aheadEnd = 0;
  for (;;) {
    const offset = lba * MBR_SECTOR;
    if (visited.has(lba)) {
      refuse(findings, offset, 'next record', {
        message:
          'The chain of extended partitions leads back to a record it has passed; write the table again.',
        expected: 'a record not yet visited',
        found: `sector ${lba} again`,
      });
      return slots;
    }
    visited.add(lba);
    if (visited.size > LONG_CHAIN && offset >= aheadEnd && offset < view.size) {
      await view.prefetch?.([{ offset, length: Math.min(READ_AHEAD_BYTES, view.size - offset) }]);
      aheadEnd = offset + READ_AHEAD_BYTES;
    }
    const sector = await readInside(view, offset, MBR_SECTOR);
    // Outside the disk: that the container ends behind the disk is noted where ends are checked.
    if (sector === undefined) return slots;
    const record = parseMbr(sector);
    if (!record.signed) {
      if (visited.size > 1) {
        refuse(findings, offset + 510, 'signature', {
          message: `The extended partition's record at sector ${lba} lacks its signature, so the partitions after it are lost; write the table again.`,
          expected: '55 AA',
          found: 'other bytes',
        });
      }
      return slots;
    }
    const [entry, link] = [record.entries[0]!, record.entries[1]!];
    if (entry.type !== 0 && entry.sectors > 0) {
      if (slots.length === limits.extendedPartitions) {
        refuse(findings, offset, 'chain length', {
          message: `The disk has more than ${limits.extendedPartitions} logical partitions; use fewer, or a GPT.`,
          expected: `at most ${limits.extendedPartitions}`,
          found: 'more',
        });
        return slots;
      }
      const number = FIRST_LOGICAL + slots.length;
      const partitionUuid = mbrPartitionUuid(diskSignature, number);
      slots.push({
        number,
        start: (lba + entry.firstLba) * MBR_SECTOR,
        size: entry.sectors * MBR_SECTOR,
        type: typeName(entry.type),
        ...(entry.status === 0x80 ? { active: true } : {}),
        ...(partitionUuid === undefined ? {} : { partitionUuid }),
      });
    }
    if (link.type === 0 || link.sectors === 0) return slots;
    if (!isExtended(link.type)) {
      refuse(findings, offset + 466, 'type', {
        message: `The record at sector ${lba} holds a second partition where the link to the next record belongs; write the table again.`,
        expected: '0x05, 0x0f, 0x85 or 0x00',
        found: typeName(link.type),
      });
      return slots;
    }
    if (link.firstLba >= container.sectors) {
      refuse(findings, offset + 474, 'first LBA', {
        message:
          'The chain of extended partitions leads out of the extended partition; write the table again.',
        expected: `less than ${container.sectors}`,
        found: String(link.firstLba),
      });
      return slots;
    }
    if (visited.size > limits.extendedPartitions + 1) {
      refuse(findings, offset, 'chain length', {
        message:
          'The chain of extended partitions is longer than any that tools write; write the table again.',
        expected: `at most ${limits.extendedPartitions + 1} records`,
        found: 'more',
      });
      return slots;
    }
    lba = container.firstLba + link.firstLba;
  }
}

function refuse(
  findings: Findings,
  offset: number,
  field: string,
  detail: { message: string; expected: string; found: string },
): void {
  findings.add('BAD_PARTITION_TABLE', {
    ...detail,
    offset: String(offset),
    field,
    reference: `${MBR_REFERENCE}, extended boot records`,
  });
}
