import { Damaged, GivenUp, Locked } from './filesystems/tree.ts';
import { BudgetExceeded } from './limits.ts';
import { OutOfBounds } from './readers/bytes.ts';
import type { Findings } from './report.ts';
import type { Volume } from './volumes.ts';

/** Runs a search for facts that no verdict needs; what stops it becomes a finding, and its answer is absent. */
export async function attempt<T>(
  findings: Findings,
  volume: Volume | undefined,
  search: () => Promise<T>,
): Promise<T | undefined> {
  const where = volume === undefined ? {} : { offset: String(volume.slot.start) };
  const what = volume === undefined ? 'the partitions' : nameOf(volume);
  try {
    return await search();
  } catch (error) {
    if (error instanceof Damaged || error instanceof OutOfBounds) {
      const reason = error instanceof Damaged ? error.message : 'a structure ends before its fields do';
      findings.add('FILE_SYSTEM_DAMAGED', {
        message: `The ${volume?.probe?.fileSystem ?? 'file system'} on ${what} is damaged: ${reason}. Check it with its own tools.`,
        ...where,
        found: reason,
      });
    } else if (error instanceof Locked) {
      noteEncrypted(findings, volume, 'a directory that the search leads through');
    } else if (error instanceof GivenUp || error instanceof BudgetExceeded) {
      const reason =
        error instanceof GivenUp ? error.message : 'it takes more reads than an inspection may make';
      findings.add('FACTS_INCOMPLETE', {
        message: `The search for facts on ${what} was stopped: ${reason}. The image is usable; declare what is missing.`,
        ...where,
        found: reason,
      });
    } else {
      throw error;
    }
    return undefined;
  }
}

function nameOf({ slot }: Volume): string {
  return slot.number === 0 ? 'the disk' : `partition ${slot.number}`;
}

/** Notes that something on a volume could not be looked into. */
export function noteEncrypted(findings: Findings, volume: Volume | undefined, what: string): void {
  findings.add('ENCRYPTED_VOLUME', {
    message: `On ${volume === undefined ? 'the disk' : nameOf(volume)} ${what} is encrypted; what is inside could not be read, so declare the operating system.`,
    ...(volume === undefined ? {} : { offset: String(volume.slot.start) }),
  });
}
