/**
 * What the text fields of resources may hold. The rules are data, so that the wire shapes can show them;
 * the checks answer the reason for a refusal, or undefined.
 */
import type { FieldViolation } from './errors.ts';

/** One text field: the length in characters, the pattern of the whole value, and both in words. */
export interface TextRule {
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern?: RegExp;
  readonly allowed: string;
}

export const TEXT_RULES = {
  /** Images, disks and snapshots; empty means none. */
  name: {
    minLength: 0,
    maxLength: 63,
    pattern: /^(|[a-z]([-_a-z0-9]{0,61}[a-z0-9])?)$/,
    allowed:
      'up to 63 lower-case letters, digits, hyphens and underscores; the first a letter, the last a letter or digit',
  },
  /** Clouds, folders and service accounts. */
  containerName: {
    minLength: 1,
    maxLength: 63,
    pattern: /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
    allowed: '1 to 63 lower-case letters, digits and hyphens; the first a letter, the last a letter or digit',
  },
  description: { minLength: 0, maxLength: 256, allowed: 'up to 256 characters' },
  /** Empty means none. */
  family: {
    minLength: 0,
    maxLength: 63,
    pattern: /^(|[a-z][-a-z0-9]{1,61}[a-z0-9])$/,
    allowed: '3 to 63 lower-case letters, digits and hyphens; the first a letter, the last a letter or digit',
  },
  /** A reference; one that no resource has is not malformed but not found. */
  id: { minLength: 1, maxLength: 50, allowed: '1 to 50 characters' },
  productId: { minLength: 1, maxLength: 50, allowed: '1 to 50 characters' },
  fileName: {
    minLength: 1,
    maxLength: 255,
    pattern: /^[^\u0000-\u001f\u007f-\u009f/\\\u2028\u2029]*$/,
    allowed: '1 to 255 characters without slashes and control characters',
  },
  uri: { minLength: 1, maxLength: 8192, allowed: '1 to 8192 characters' },
  resourceId: { minLength: 1, maxLength: 64, allowed: '1 to 64 characters' },
  roleId: { minLength: 1, maxLength: 64, allowed: '1 to 64 characters' },
  subjectId: { minLength: 1, maxLength: 100, allowed: '1 to 100 characters' },
  quotaId: { minLength: 1, maxLength: 64, allowed: '1 to 64 characters' },
  /** Who boots from an image, by a name of their own: a fleet, a template, an address. */
  leaseHolder: {
    minLength: 1,
    maxLength: 100,
    pattern: /^[A-Za-z0-9._:/@=+-]*$/,
    allowed: '1 to 100 Latin letters, digits and the signs . _ : / @ = + -',
  },
  /** Whom an issuer's tokens speak of: one subject, or with a `*` at the end all that begin so. */
  externalSubject: {
    minLength: 1,
    maxLength: 1_000,
    pattern: /^[^\u0000-\u001f\u007f*\p{Surrogate}]+\*?$/u,
    allowed: '1 to 1000 characters without control characters, then one * or none',
  },
} as const satisfies Record<string, TextRule>;

/** Labels of one kind of resource. */
export interface LabelRules {
  readonly key: RegExp;
  readonly value: RegExp;
}

export const MAX_LABELS = 64;
export const MAX_PRODUCT_IDS = 100;

/** Labels of images, disks and snapshots. */
export const COMPUTE_LABELS: LabelRules = {
  key: /^[a-z][-_./\\@0-9a-z]{0,62}$/,
  value: /^[-_./\\@0-9a-z]{0,63}$/,
};

/** Labels of clouds, folders and service accounts. */
export const CONTAINER_LABELS: LabelRules = {
  key: /^[a-z][-_0-9a-z]{0,62}$/,
  value: /^[-_0-9a-z]{0,63}$/,
};

/** Characters as people count them, not UTF-16 units. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

function fits(text: string, rule: TextRule): boolean {
  if (text.length < rule.minLength) return false;
  if (text.length > rule.maxLength && lengthOf(text) > rule.maxLength) return false;
  return rule.pattern === undefined || rule.pattern.test(text);
}

/** The reason for which a text breaks one of `TEXT_RULES`, in the contract's words where it has its own. */
export function checkText(field: keyof typeof TEXT_RULES, text: string): string | undefined {
  const rule: TextRule = TEXT_RULES[field];
  if (fits(text, rule)) return undefined;
  if (text === '') return 'value is required';
  return `must be ${rule.allowed}`;
}

/** Name of an image, disk or snapshot; the empty one is allowed and stands for none. */
export function checkName(text: string): string | undefined {
  return fits(text, TEXT_RULES.name) ? undefined : 'invalid resource name';
}

/** Name of a cloud, folder or service account. */
export function checkContainerName(text: string): string | undefined {
  return fits(text, TEXT_RULES.containerName) ? undefined : 'invalid resource name';
}

export function checkDescription(text: string): string | undefined {
  return checkText('description', text);
}

/** Family of an image; the empty one is allowed and stands for none. */
export function checkFamily(text: string): string | undefined {
  return checkText('family', text);
}

/** A reference to a resource by id. */
export function checkId(text: string): string | undefined {
  return checkText('id', text);
}

/** Name of the file that a download is saved as. */
export function checkFileName(text: string): string | undefined {
  return checkText('fileName', text);
}

export function checkProductIds(ids: readonly string[]): string | undefined {
  if (ids.length > MAX_PRODUCT_IDS) {
    return `at most ${MAX_PRODUCT_IDS} are allowed, ${ids.length} were given`;
  }
  const wrong = ids.find((id) => !fits(id, TEXT_RULES.productId));
  return wrong === undefined ? undefined : `each must be ${TEXT_RULES.productId.allowed}, not "${wrong}"`;
}

/** out: one violation a wrong key or value, the field as `labels[<key>]`; empty when all is well. */
export function labelViolations(
  labels: Readonly<Record<string, string>>,
  rules: LabelRules,
): readonly FieldViolation[] {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) {
    const description = `at most ${MAX_LABELS} labels are allowed, ${entries.length} were given`;
    return [{ field: 'labels', description }];
  }
  const violations: FieldViolation[] = [];
  for (const [key, value] of entries) {
    const field = `labels[${key}]`;
    if (!rules.key.test(key)) violations.push({ field, description: `invalid label key "${key}"` });
    if (!rules.value.test(value)) violations.push({ field, description: `invalid label value "${value}"` });
  }
  return violations;
}
