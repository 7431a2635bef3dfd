/** The scan of a dynamic VHD's block allocation table: every block lies between the table and the footer, and alone. */
import { BudgetExceeded } from '../../limits.ts';
import { u32be } from '../../readers/bytes.ts';
import type { RangeReader } from '../../readers/range-reader.ts';
import type { Scan } from '../../report.ts';
import type { Opening } from '../container.ts';
import { AddressList, ProblemList, scanFacts } from '../scan.ts';
import { BAT_REFERENCE, blockPlace, type Dynamic, NO_BLOCK, SECTOR_BYTES } from './dynamic.ts';

/** Reads the table within the allowance of `reader`. @returns the scan's facts; problems are findings. */
export async function scanTable(
  reader: RangeReader,
  disk: Dynamic,
  { findings, limits }: Opening,
): Promise<Scan> {
  const problems = new ProblemList(findings, BAT_REFERENCE);
  const starts = new AddressList(Uint32Array);
  const tableBytes = disk.tableEntries * 4;
  let complete = true;
  let allocated = 0;
  const visit = (sector: number, index: number) => {
    const at = disk.tableOffset + index * 4;
    const place = blockPlace(disk, sector);
    if (index >= disk.neededEntries) {
      const message = 'An entry behind the end of the disk names a block; convert the image again.';
      problems.note({ code: 'BAD_TABLE', message }, at, 'BAT entry');
    } else if (typeof place === 'object') problems.note(place.problem, at, 'BAT entry');
    else {
      starts.add(sector);
      allocated += Math.min(disk.blockBytes, disk.size - index * disk.blockBytes);
    }
  };
  try {
    for (let done = 0; done < tableBytes; done += limits.scanReadBytes) {
      const length = Math.min(limits.scanReadBytes, tableBytes - done);
      const bytes = await reader.read(disk.tableOffset + done, length);
      for (let i = 0; i < length; i += 4) {
        const sector = u32be(bytes, i);
        if (sector !== NO_BLOCK) visit(sector, (done + i) / 4);
      }
    }
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    complete = false;
  }
  const end = noteShared(disk, starts, problems);
  const rest = disk.dataEnd - end;
  if (complete && !problems.any && rest > disk.blockBytes) {
    findings.add('TRAILING_DATA', {
      message: `${rest} bytes in front of the footer belong to no block; they are stored for nothing.`,
      offset: String(end),
      found: String(rest),
      reference: BAT_REFERENCE,
    });
  }
  return scanFacts({ complete, tables: 1, allocated }, disk.size, findings);
}

/** Notes blocks that lie over each other. @returns where the last block, or the table, ends. */
function noteShared(disk: Dynamic, starts: AddressList, problems: ProblemList): number {
  const sectors = (disk.bitmapBytes + disk.blockBytes) / SECTOR_BYTES;
  let previous = Number.NEGATIVE_INFINITY;
  for (const start of starts.sorted()) {
    if (start - previous < sectors) {
      const message = 'Two entries name blocks that lie over each other; convert the image again.';
      problems.note({ code: 'BAD_TABLE', message }, start * SECTOR_BYTES, 'BAT entry');
    }
    previous = start;
  }
  const tableEnd = disk.tableOffset + disk.tableEntries * 4;
  return Math.max(tableEnd, (previous + sectors) * SECTOR_BYTES);
}
