/** Something that is not taken: what it is, the code, and a sentence with the way out. */
import type { RefusalCode } from '../report.ts';

export interface Foreign {
  readonly detected: string;
  readonly code: RefusalCode;
  readonly message: string;
  /** Few bytes say so, which a disk may begin with as well: a partition table or a file system counts for more. */
  readonly weak?: boolean;
}

export const CONVERT = 'convert it to qcow2 (qemu-img convert -O qcow2) and upload that';

/** A disk or medium image of a kind that is not taken. */
export function unsupported(detected: string, name: string, way = CONVERT): Foreign {
  const message = `This is ${name}, which is not taken; ${way}.`;
  return { detected, code: 'UNSUPPORTED_FORMAT', message };
}
