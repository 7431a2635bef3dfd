/** Compares a report with what the manifest of `test/corpus` expects, by the rules of its README. */
import type { Report } from '../inspect/report.ts';
import type { CorpusEntry } from './corpus.ts';

/** Sentences about what differs; none when the report is as expected. */
export function differences(report: Report, { expect }: CorpusEntry): string[] {
  const wrong: string[] = [];
  if (report.verdict !== expect.verdict) wrong.push(`verdict ${report.verdict}, expected ${expect.verdict}`);
  wrong.push(...codeDifferences(report, expect));
  for (const [name, expected] of Object.entries(expect.facts)) {
    const found = factOf(report, name);
    if (!sameFact(name, found, expected, expect.optional)) {
      wrong.push(`${name} ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
    }
  }
  for (const [name, expected] of Object.entries(expect.optional ?? {})) {
    if (name === 'features' || name === 'extended') continue;
    const found = factOf(report, name);
    if (found !== undefined && !sameFact(name, found, expected, undefined)) {
      wrong.push(`${name} ${JSON.stringify(found)}, expected ${JSON.stringify(expected)} or nothing`);
    }
  }
  return wrong;
}

function codeDifferences(report: Report, expect: CorpusEntry['expect']): string[] {
  const wrong: string[] = [];
  const found = new Set<string>(report.findings.map((finding) => finding.code));
  for (const code of expect.codes) if (!found.has(code)) wrong.push(`${code} was not found`);
  if (expect.codesAnyOf !== undefined && !expect.codesAnyOf.some((code) => found.has(code))) {
    wrong.push(`none of ${expect.codesAnyOf.join(', ')} was found`);
  }
  const allowed = new Set([...expect.codes, ...(expect.codesAnyOf ?? []), ...(expect.codesAllowed ?? [])]);
  for (const { code, severity, message } of report.findings) {
    const counts = expect.verdict === 'accept' || severity === 'REJECT';
    if (counts && !allowed.has(code)) wrong.push(`${code} should not be found: ${message}`);
  }
  return wrong;
}

function factOf(report: Report, name: string): unknown {
  return name === 'scanComplete' ? report.scan?.complete : report[name as keyof Report];
}

function sameFact(
  name: string,
  found: unknown,
  expected: unknown,
  optional: CorpusEntry['expect']['optional'],
): boolean {
  if (name === 'bootModes' || name === 'features') {
    const extra = (optional?.[name] ?? []) as readonly string[];
    const has = new Set((found ?? []) as readonly string[]);
    const wants = new Set(expected as readonly string[]);
    return (
      [...wants].every((value) => has.has(value)) &&
      [...has].every((value) => wants.has(value) || extra.includes(value))
    );
  }
  if (name === 'partitions') return samePartitions(found, expected, optional?.extended);
  return same(found, expected);
}

type Loose = Readonly<Record<string, unknown>>;

function samePartitions(found: unknown, expected: unknown, extended: unknown): boolean {
  const left = new Map(((found ?? []) as readonly Loose[]).map((partition) => [partition.number, partition]));
  const wanted = [...(expected as readonly Loose[])];
  const container = extended as Loose | undefined;
  if (container !== undefined && left.has(container.number)) wanted.push(container);
  for (const want of wanted) {
    const partition = left.get(want.number);
    if (partition === undefined) return false;
    left.delete(want.number);
    for (const [key, value] of Object.entries(want)) {
      const values = key === 'uuid' ? [partition.uuid, partition.partitionUuid] : [partition[key]];
      const fold = key === 'uuid' || key === 'type';
      if (!values.some((one) => same(fold ? lower(one) : one, fold ? lower(value) : value))) return false;
    }
  }
  return left.size === 0;
}

function lower(value: unknown): unknown {
  return JSON.parse(
    (JSON.stringify(value) ?? 'null').replace(/"(?!anyOf")[^"]*"/g, (text) => text.toLowerCase()),
  );
}

function same(found: unknown, expected: unknown): boolean {
  if (expected === null) return found === undefined || found === null;
  if (typeof expected !== 'object') return found === expected;
  const choices = (expected as { anyOf?: readonly unknown[] }).anyOf;
  if (choices !== undefined) return choices.some((choice) => same(found, choice));
  if (typeof found !== 'object' || found === null) return false;
  const keys = new Set([...Object.keys(found), ...Object.keys(expected)]);
  return [...keys].every((key) => same((found as Loose)[key], (expected as Loose)[key] ?? null));
}
