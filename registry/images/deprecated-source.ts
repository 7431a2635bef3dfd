import { type Deprecation, deprecationNotice, deprecationState } from '../../core/deprecation.ts';
import { failedPrecondition } from '../../core/errors.ts';

/**
 * What is said to whoever makes something of an image that is DEPRECATED; nothing of any other, or of what is no image
 * and so has no `deprecation`. Throws FAILED_PRECONDITION for an OBSOLETE one, naming what to use instead.
 */
export function warningsOf(
  imageId: string,
  deprecation: Omit<Deprecation, 'deleteAt'> | undefined,
  now: number,
): readonly string[] {
  const notice = deprecation === undefined ? undefined : deprecationNotice(imageId, deprecation, now);
  if (deprecation === undefined || notice === undefined) return [];
  if (deprecationState(deprecation, now) === 'DEPRECATED') return [notice];
  const instead = deprecation.replacementImageId === null ? '; use another image' : '';
  throw failedPrecondition(imageId, 'OBSOLETE', `${notice}${instead}; nothing can be made of it any more`);
}
