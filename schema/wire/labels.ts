import { type LabelRules, labelViolations } from '../../core/names.ts';
import * as z from '../zod.ts';

/** A set of labels judged by the rules of its resource; an issue's path ends in the key that is wrong. */
export function labels(rules: LabelRules) {
  const record = z
    .record(z.string(), z.string({ error: 'expected a string' }), { error: 'expected an object' })
    .superRefine((given, context) => {
      for (const { field, description } of labelViolations(given, rules)) {
        const key = /^labels\[(.*)\]$/s.exec(field)?.[1];
        context.addIssue({ code: 'custom', message: description, path: key === undefined ? [] : [key] });
      }
    });
  return z
    .preprocess((raw, context) => {
      // A record leaves this one key out without a word.
      if (typeof raw === 'object' && raw !== null && Object.hasOwn(raw, '__proto__')) {
        const message = 'invalid label key "__proto__"';
        context.addIssue({ code: 'custom', message, path: ['__proto__'], input: raw });
      }
      return raw;
    }, record)
    .openapi({ example: { team: 'images' } });
}
