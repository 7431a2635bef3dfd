/** qcow2: a header cluster, two levels of tables from guest clusters to file clusters, and reference counts. */
import { MappedReader } from '../../readers/mapped-reader.ts';
import type { Container, Opening } from '../container.ts';
import { endsOfTable } from '../stretch.ts';
import { REFERENCE } from './features.ts';
import { parseHeader } from './header.ts';
import { l1Range, Qcow2Entries, Qcow2Mapping } from './mapping.ts';
import { scanQcow2 } from './scan.ts';

/** Header extensions are followed this far; a header that needs more is none that a program wrote. */
const MAX_HEADER_AREA_BYTES = 1024 * 1024;

/** Judges a file that begins with qcow2's magic. */
export async function openQcow2(opening: Opening): Promise<Container> {
  const { file, head, findings, limits } = opening;
  let parsed = parseHeader(head, file.size, limits, findings);
  if ('needs' in parsed && parsed.needs <= MAX_HEADER_AREA_BYTES) {
    const bytes = await file.read(0, Math.min(MAX_HEADER_AREA_BYTES, file.size));
    parsed = parseHeader(bytes, file.size, limits, findings);
  }
  if ('needs' in parsed) {
    findings.add('RESOURCE_LIMIT', {
      message: `The header extensions pass ${MAX_HEADER_AREA_BYTES} bytes; convert the image again.`,
      field: 'header extensions',
      expected: `at most ${MAX_HEADER_AREA_BYTES}`,
      found: String(parsed.needs),
      reference: REFERENCE,
    });
    return { format: 'QCOW2', features: new Set() };
  }
  const { header, ...facts } = parsed;
  if (header === undefined) return { format: 'QCOW2', ...facts };
  const entries = new Qcow2Entries(header, file.size);
  return {
    format: 'QCOW2',
    ...facts,
    firstRanges: endsOfTable(l1Range(header), header.clusterBytes, file.size),
    scan: (reader) => scanQcow2(reader, entries, facts.features, opening),
    guest: (reader) => new MappedReader(reader, new Qcow2Mapping(reader, entries, findings)),
  };
}
