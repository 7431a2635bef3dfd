/** What an inspection costs in reads and bytes, held to its budget, and how long it takes beside `qemu-img info`. */
import { type Beside, besideQemuImg } from './beside-qemu-img.ts';
import { added, type Cost, type Costs, type InspectionCosts, measureInspection } from './inspection-costs.ts';
import type { Part, Promised, Table } from './part.ts';
import { atMost, exactly } from './promises.ts';

const MIB = 2 ** 20;

/** What each step may cost at most. */
export const BUDGET = {
  plain: { reads: 12, bytes: MIB },
  mapped: { reads: 24, bytes: 2 * MIB },
  files: { reads: 64, bytes: 8 * MIB },
  /** The scan reads tables about a MiB at a time. */
  scan: { reads: 4096, bytes: 32 * MIB },
} satisfies Record<string, Cost>;

/** The dearest of all inspections, step by step, and what the largest disk of a container costs besides its scan. */
function promisesOf({ samples, sizes }: InspectionCosts): Promised[] {
  const all = [...Object.values(samples), ...Object.values(sizes).flatMap((bySize) => Object.values(bySize))];
  const steps: readonly [string, Cost, (costs: Costs) => Cost | undefined][] = [
    ['verdict on a disk as it is', BUDGET.plain, ({ mapped, verdict }) => (mapped ? undefined : verdict)],
    ['verdict through tables', BUDGET.mapped, ({ mapped, verdict }) => (mapped ? verdict : undefined)],
    ['os-release', BUDGET.files, ({ withoutScan, verdict }) => added(withoutScan, verdict)],
    ['scan', BUDGET.scan, ({ whole, withoutScan }) => added(whole, withoutScan)],
  ];
  const budget = steps.flatMap(([name, most, costOf]) => {
    const costs = all.flatMap((one) => costOf(one) ?? []);
    const dearest = (figure: keyof Cost) => Math.max(...costs.map((cost) => cost[figure]));
    return [
      atMost(`inspection: reads of the dearest ${name}`, dearest('reads'), most.reads),
      atMost(`inspection: bytes of the dearest ${name}`, dearest('bytes'), most.bytes),
    ];
  });
  const sameReads = Object.entries(sizes).map(([container, bySize]) => {
    const disks = Object.entries(bySize);
    const [[small, one], [large, other]] = [disks.at(0)!, disks.at(-1)!];
    const what = `inspection: reads of a ${container} of ${large}, as of ${small}, the scan apart`;
    return exactly(what, other.withoutScan.reads, one.withoutScan.reads);
  });
  return [...budget, ...sameReads];
}

function tablesOf({ samples, sizes }: InspectionCosts): Table[] {
  const columns = ['reads', 'bytes', 'reads without the scan', 'bytes without the scan'];
  const numbers = ({ whole, withoutScan }: Costs) => [
    whole.reads,
    whole.bytes,
    withoutScan.reads,
    withoutScan.bytes,
  ];
  return [
    {
      title: 'Sample images',
      columns: ['file', ...columns],
      rows: Object.entries(samples).map(([file, costs]) => [file, ...numbers(costs)]),
    },
    {
      title: 'The same layout on disks of different sizes',
      columns: ['container', 'disk', ...columns],
      rows: Object.entries(sizes).flatMap(([container, bySize]) =>
        Object.entries(bySize).map(([size, costs]) => [container, size, ...numbers(costs)]),
      ),
    },
  ];
}

function besideTable(beside: Beside | string): Table {
  const title = 'Time as the ratio to qemu-img info on the same file';
  if (typeof beside === 'string') return { title, columns: ['not measured'], rows: [[beside]] };
  return {
    title,
    columns: ['file', 'inspection in a running process', 'npm run inspect, with all that starts'],
    rows: beside.map(({ file, inspection, command }) => [file, inspection, command ?? '']),
  };
}

export const inspection: Part = {
  name: 'inspection',
  about: 'ranged reads and bytes of an inspection, and its time beside qemu-img info',
  async run({ quick }) {
    const costs = await measureInspection();
    const beside = await besideQemuImg({ quick });
    return {
      tables: [...tablesOf(costs), besideTable(beside)],
      promises: promisesOf(costs),
      figures: { ...costs, ...(typeof beside === 'string' ? {} : { besideQemuImg: beside }) },
    };
  },
};
