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
  try {
    return await search();
  } catch (error) {
    if (error instanceof Damaged || error instanceof OutOfBounds) {
      noteDamaged(
        findings,
        volume,
        error instanceof Damaged ? error.message : 'a structure ends before its fields do',
      );
    } else if (error instanceof Locked) {
      noteEncrypted(findings, volume, error.message);
    } else if (error instanceof GivenUp || error instanceof BudgetExceeded) {
      const reason =
        error instanceof GivenUp ? error.message : 'it takes more reads than an inspection may make';
      findings.add('FACTS_INCOMPLETE', {
        message: `The search for facts on ${nameOf(volume)} was stopped: ${reason}. The image is usable; declare what is missing.`,
        ...placeOf(volume),
        found: reason,
      });
    } else {
      throw error;
    }
    return undefined;
  }
}

function nameOf(volume: Volume | undefined): string {
  if (volume === undefined) return 'the partitions';
  return volume.slot.number === 0 ? 'the disk' : `partition ${volume.slot.number}`;
}

function placeOf(volume: Volume | undefined): { offset?: string } {
  return volume === undefined ? {} : { offset: String(volume.slot.start) };
}

/** Notes that the file system of a volume has a wrong structure. */
export function noteDamaged(findings: Findings, volume: Volume | undefined, reason: string): void {
  const fileSystem = volume?.probe?.fileSystem ?? 'file system';
  findings.add('FILE_SYSTEM_DAMAGED', {
    message: `The ${fileSystem} on ${nameOf(volume)} is damaged: ${reason}. Check it with its own tools.`,
    ...placeOf(volume),
    found: reason,
  });
}

/** Notes that something on a volume could not be looked into. */
export function noteEncrypted(findings: Findings, volume: Volume | undefined, what: string): void {
  findings.add('ENCRYPTED_VOLUME', {
    message: `On ${nameOf(volume)} ${what} is encrypted; what is inside could not be read, so declare the operating system.`,
    ...placeOf(volume),
  });
}
