/** The guest's disk of a container file, for tests that compare its bytes. */
import type { Container, Opening } from '../../../inspect/containers/container.ts';
import { openQcow2 } from '../../../inspect/containers/qcow2/open.ts';
import { openVhd } from '../../../inspect/containers/vhd/open.ts';
import { openVmdk } from '../../../inspect/containers/vmdk/open.ts';
import { DEFAULT_LIMITS } from '../../../inspect/limits.ts';
import type { RangeReader } from '../../../inspect/readers/range-reader.ts';
import { recogniseImage } from '../../../inspect/recognise.ts';
import { Findings } from '../../../inspect/report.ts';

const HEAD_BYTES = 72 * 1024;
const TAIL_BYTES = 64 * 1024;

/** Opens the container whatever its kind; throws when its header refuses. */
export async function openGuest(file: RangeReader): Promise<RangeReader> {
  const head = await file.read(0, Math.min(HEAD_BYTES, file.size));
  const tailBytes = Math.min(TAIL_BYTES, file.size);
  const tail = await file.read(file.size - tailBytes, tailBytes);
  const findings = new Findings();
  const container = await open({ file, head, tail, findings, limits: DEFAULT_LIMITS });
  if (container.guest === undefined) throw new Error(JSON.stringify(findings.sorted()));
  return container.guest(file);
}

async function open(opening: Opening): Promise<Container> {
  const image = recogniseImage(opening.head);
  if (image === undefined || !('kind' in image)) return openVhd(opening);
  if (image.kind === 'QCOW2') return openQcow2(opening);
  return image.kind === 'VMDK' ? openVmdk(opening) : openVhd(opening);
}
