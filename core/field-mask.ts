/** Which fields an update writes. */
import { invalidField } from './errors.ts';

/**
 * The fields that a mask names, in lowerCamelCase or snake_case; for an absent or empty mask all of `updatable` but
 * those of them that are `untouched` then. in: both in lowerCamelCase. errors: INVALID_ARGUMENT on `update_mask` for any
 * other path.
 */
export function parseMask<Field extends string>(
  mask: string | undefined,
  updatable: readonly Field[],
  untouched: readonly Field[] = [],
): ReadonlySet<Field> {
  if (mask === undefined || mask.trim() === '') {
    return new Set(updatable.filter((field) => !untouched.includes(field)));
  }
  return new Set(
    mask.split(',').map((part) => {
      const path = part.trim();
      const camel = path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
      const field = updatable.find((name) => name === camel);
      if (field !== undefined) return field;
      const allowed = updatable.join(', ');
      throw invalidField(
        'update_mask',
        `"${path}" is not a field that can be changed; these are: ${allowed}`,
      );
    }),
  );
}
