/** The way from a container to the disk inside: its facts, its tables, what its guest begins with. */
import type { Container } from './containers/container.ts';
import { SCAN_GAP_BYTES } from './containers/scan.ts';
import { examineDisk } from './disk.ts';
import { ISO, ISO_START, isIso } from './foreign/iso.ts';
import { type Inspection, noteMismatch, refuseForeign } from './inspection.ts';
import { covers } from './readers/bytes.ts';
import type { Allowance } from './readers/metered-reader.ts';
import { recogniseImage } from './recognise.ts';

/** How far into the guest's disk a header is looked for: the text of a descriptor may follow comments. */
const HEAD_BYTES = 72 * 1024;
/** One descriptor of a medium. */
const ISO_BYTES = 2048;

/** A container that is taken: its header, its tables, and the disk inside. */
export async function judgeContainer(inspection: Inspection, container: Container): Promise<void> {
  const { meter, limits, findings, report } = inspection;
  report.format = container.format;
  if (container.variant !== undefined) report.variant = container.variant;
  if (container.virtualSize !== undefined) report.virtualSize = String(container.virtualSize);
  if (container.clusterSize !== undefined) report.clusterSize = String(container.clusterSize);
  noteMismatch(inspection, container.format);
  if (container.guest === undefined || findings.refused) {
    report.features = [...container.features].sort();
    return;
  }
  const file = meter.reader(allowanceOf(inspection, container));
  await file.prefetch?.(container.firstRanges ?? []);
  if (container.scan !== undefined) {
    const reader = meter.reader({
      reads: limits.scanReads,
      bytes: limits.scanBytes,
      mergeGapBytes: SCAN_GAP_BYTES,
    });
    report.scan = await container.scan(reader);
  }
  report.features = [...container.features].sort();
  if (findings.refused) return;
  const view = container.guest(file);
  const nested = recogniseImage(await view.read(0, Math.min(HEAD_BYTES, view.size)));
  if (nested !== undefined) {
    const name = 'kind' in nested ? nested.name : nested.foreign.detected;
    findings.add('NESTED_IMAGE', {
      message: `The disk inside begins with the header of another image (${name}), which programs that look for one would open; upload the inner image itself, or clear the first sector of the disk.`,
      offset: '0',
      found: name,
    });
    return;
  }
  if (covers(view.size, ISO_START, ISO_BYTES) && isIso(await view.read(ISO_START, ISO_BYTES), view.size)) {
    refuseForeign(inspection, ISO);
    return;
  }
  const fileView = container.guest(meter.reader({ reads: limits.fileReads, bytes: limits.fileBytes }));
  const { clusterSize: clusterBytes } = container;
  const context = {
    findings,
    wholeFileIsDisk: false,
    ...(clusterBytes === undefined ? {} : { clusterBytes }),
    limits,
    fileView,
  };
  const { recognised: _, ...facts } = await examineDisk(view, context);
  Object.assign(report, facts);
}

/** What is left for the disk inside of the allowance that the headers were read on. */
function allowanceOf({ meter, limits }: Inspection, { clusterSize }: Container): Allowance {
  const { plainReads, plainBytes, mappedReads, mappedBytes } = limits;
  return clusterSize === undefined
    ? { reads: plainReads - meter.reads, bytes: plainBytes - meter.bytes }
    : { reads: mappedReads - meter.reads, bytes: mappedBytes - meter.bytes };
}
