import { z } from '@hono/zod-openapi';
import { type LabelRules, labelViolations } from '../../core/names.ts';

/** A set of labels judged by the rules of its resource; an issue's path ends in the key that is wrong. */
export function labels(rules: LabelRules) {
  return z
    .record(z.string(), z.string({ error: 'expected a string' }))
    .superRefine((given, context) => {
      for (const { field, description } of labelViolations(given, rules)) {
        const key = /^labels\[(.*)\]$/s.exec(field)?.[1];
        context.addIssue({ code: 'custom', message: description, path: key === undefined ? [] : [key] });
      }
    })
    .openapi({ example: { team: 'images' } });
}
