/** How a copy that the object store makes is cut into parts, and which of them one run of its job asks for. */
import { judgeParts, MAX_PARTS, partRange, type StoredPart, type UploadPlan } from './upload-plan.ts';

/** Parts are this long unless the store copies less at once: some seconds of its work. */
export const COPY_PART_BYTES = 2 ** 30;

/** Parts that one run asks for, all at the same time. */
export const PARTS_PER_RUN = 3;

/**
 * out: undefined when the store copies the whole in one request, which it does up to `wholeBytes`. Otherwise equal
 * parts of 1 GiB, or of `wholeBytes` when that is less; twice as long, and again, where they would be over 10,000.
 */
export function planCopy(sizeBytes: number, wholeBytes: number): UploadPlan | undefined {
  if (sizeBytes <= wholeBytes) return undefined;
  let partSizeBytes = Math.min(COPY_PART_BYTES, wholeBytes);
  while (partSizeBytes * MAX_PARTS < sizeBytes) partSizeBytes *= 2;
  return copyPlan(sizeBytes, partSizeBytes);
}

/** The plan of a copy that was begun with parts of this length. */
export function copyPlan(sizeBytes: number, partSizeBytes: number): UploadPlan {
  return { sizeBytes, partSizeBytes, partCount: Math.ceil(sizeBytes / partSizeBytes) };
}

/**
 * The parts that the next run copies, ascending; none when all are there.
 * in: how many of the first ones are known to be copied, or what the store lists, which counts when it is asked.
 */
export function partsToCopy(plan: UploadPlan, copied: number | readonly StoredPart[]): readonly number[] {
  if (typeof copied === 'number') {
    const count = Math.min(PARTS_PER_RUN, plan.partCount - copied);
    return Array.from({ length: count }, (_, index) => copied + index + 1);
  }
  const { missing, wrongLength } = judgeParts(plan, copied);
  return [...missing, ...wrongLength].sort((left, right) => left - right).slice(0, PARTS_PER_RUN);
}

/** The bytes of the first `partCount` parts. */
export function bytesOfParts(plan: UploadPlan, partCount: number): number {
  if (partCount === 0) return 0;
  const { offset, sizeBytes } = partRange(plan, partCount);
  return offset + sizeBytes;
}
