/** What a guest's disk shows, whatever container holds it: its partitions, and what is on them. */
import { attempt, noteDamaged, noteEncrypted } from './attempt.ts';
import { bootModes, isFat } from './boot.ts';
import { type Esp, readEsp } from './esp.ts';
import { openVolume } from './filesystems/open.ts';
import { newWalk } from './filesystems/paths.ts';
import { BudgetExceeded, type Limits } from './limits.ts';
import { osFamily } from './os-family.ts';
import { findTable, type Layout } from './partitions/find-table.ts';
import type { Slot } from './partitions/table.ts';
import { meaningOf } from './partitions/types.ts';
import type { RangeReader } from './readers/range-reader.ts';
import { readInTurn } from './readers/staged-reader.ts';
import { type Architecture, type DiskFacts, Findings, type Partition } from './report.ts';
import { findArchitecture, findSystem, type System } from './system.ts';
import { labelOf, probeSlots, type Volume } from './volumes.ts';

export interface DiskContext {
  readonly findings: Findings;
  /** The file itself is the disk, so that a wrong end of it is the file's end. */
  readonly wholeFileIsDisk: boolean;
  /** Of a container: neighbouring bytes of two clusters may lie far apart. Absent where the disk lies as it is. */
  readonly clusterBytes?: number;
  readonly limits: Limits;
  /**
   * The same bytes as the view, read on an allowance of their own for what a verdict does not need: os-release,
   * architecture, and partitions that the view's allowance did not reach. The view itself when absent.
   */
  readonly fileView?: RangeReader;
}

/** `recognised`: a partition table or a known file system is there. */
export type ExaminedDisk = DiskFacts & { readonly recognised: boolean };

/**
 * Examines the guest's bytes. Whatever they say becomes facts and findings; only a failure of the source rejects.
 * A spent allowance is RESOURCE_LIMIT while the partitions are read and FACTS_INCOMPLETE after that.
 */
export async function examineDisk(view: RangeReader, context: DiskContext): Promise<ExaminedDisk> {
  const { findings } = context;
  const reader = readInTurn(view, context.fileView ?? view);
  let layout: Layout;
  try {
    layout = await findTable(reader, context);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    findings.add('RESOURCE_LIMIT', {
      message:
        'The partition table takes more reads than an inspection may make; use a GPT, or fewer logical partitions.',
      field: 'partition table',
      expected: `at most ${context.limits.plainReads + context.limits.fileReads} reads`,
      found: 'more',
    });
    return { recognised: false };
  }
  const facts: ExaminedDisk = {
    recognised: layout.recognised,
    sectorSize: layout.table?.sectorSize ?? 512,
  };
  if (layout.recognised && layout.table === undefined && layout.wholeDisk === undefined) return facts;
  facts.partitionTable = layout.table?.kind ?? 'NONE';
  if (findings.refused)
    return { ...facts, partitions: (layout.table?.slots ?? []).map((slot) => entryOf(slot)) };

  const volumes = await findVolumes(reader, layout, context);
  const esps = await readEsps(volumes, context);
  const labels = await readLabels(volumes, esps, context);
  facts.partitions = volumes.map((volume) => entryOf(volume.slot, volume, labels.get(volume)));
  facts.bootModes = bootModes(layout, volumes, view.size);
  noteVolumes(layout, volumes, facts, context);
  const system = await searchVolumes(volumes, context);
  if (system !== undefined) facts.os = system.os;
  const family = osFamily(volumes, {
    osRelease: system !== undefined,
    microsoftLoader: [...esps.values()].some((esp) => esp.microsoft),
  });
  if (family !== undefined) facts.osFamily = family;
  const architecture = architectureOf(volumes, esps) ?? (await architectureOfPrograms(system, context));
  if (architecture !== undefined) facts.architecture = architecture;
  return facts;
}

/** The volumes of the disk by number, those that could not be reached without a probe. */
async function findVolumes(
  reader: RangeReader,
  { table, wholeDisk, head }: Layout,
  context: DiskContext,
): Promise<Volume[]> {
  if (wholeDisk !== undefined) {
    const slot: Slot = { number: 0, start: 0, size: reader.size - (reader.size % 512) };
    return [{ slot, meaning: meaningOf(undefined), reader, head, probe: wholeDisk }];
  }
  const found = new Map<number, Volume>();
  // A partition may end a little behind the disk; what is there of it is read.
  const slots = (table?.slots ?? []).flatMap((slot) => {
    const size = Math.min(slot.size, reader.size - slot.start);
    return size > 0 ? [{ ...slot, size }] : [];
  });
  await attempt(context.findings, undefined, () =>
    probeSlots(reader, slots, context.clusterBytes, (volume) => found.set(volume.slot.number, volume)),
  );
  const unread = (slot: Slot): Volume => ({
    slot,
    meaning: meaningOf(slot.type),
    reader,
    head: new Uint8Array(0),
  });
  return (table?.slots ?? [])
    .map((slot) => ({ ...(found.get(slot.number) ?? unread(slot)), slot }))
    .sort((a, b) => a.slot.number - b.slot.number);
}

async function readEsps(volumes: readonly Volume[], context: DiskContext): Promise<Map<Volume, Esp>> {
  const esps = new Map<Volume, Esp>();
  for (const volume of volumes) {
    if (volume.meaning.role !== 'esp' || !isFat(volume.probe?.fileSystem)) continue;
    const esp = await attempt(context.findings, volume, () =>
      readEsp(volume.reader, volume.head, context.limits),
    );
    if (esp !== undefined) esps.set(volume, esp);
  }
  return esps;
}

async function readLabels(
  volumes: readonly Volume[],
  esps: ReadonlyMap<Volume, Esp>,
  context: DiskContext,
): Promise<Map<Volume, string>> {
  const labels = new Map<Volume, string>();
  for (const volume of volumes) {
    const known = esps.get(volume)?.label;
    const label =
      known ??
      (await attempt(context.findings, volume, () => labelOf(volume, context.limits))) ??
      volume.probe?.label;
    if (label !== undefined) labels.set(volume, label);
  }
  return labels;
}

/** Findings about the disk as a whole, once its volumes are known. */
function noteVolumes(
  layout: Layout,
  volumes: readonly Volume[],
  facts: DiskFacts,
  { findings }: DiskContext,
): void {
  if (layout.wholeDisk !== undefined) {
    findings.add('NO_PARTITION_TABLE', {
      message: `The disk has no partition table: ${layout.wholeDisk.fileSystem} lies on the whole of it.`,
      offset: '0',
    });
  }
  for (const volume of volumes) {
    const fileSystem = volume.probe?.fileSystem;
    if (fileSystem === 'LUKS' || fileSystem === 'BITLOCKER') {
      noteEncrypted(findings, volume, `the ${fileSystem} volume`);
    }
    if (volume.probe?.damage !== undefined) noteDamaged(findings, volume, volume.probe.damage);
  }
  if (facts.bootModes?.length === 0) {
    findings.add('NOT_BOOTABLE', {
      message:
        'No boot mode was found: neither boot code that leads anywhere nor an EFI System Partition with a FAT. That is right for a data disk; otherwise install a boot loader.',
    });
  }
}

function entryOf(slot: Slot, volume?: Volume, label?: string): Partition {
  const { fileSystem, uuid } = volume?.probe ?? {};
  return {
    number: slot.number,
    start: String(slot.start),
    size: String(slot.size),
    ...(slot.type === undefined ? {} : { type: slot.type }),
    ...(slot.name === undefined ? {} : { name: slot.name }),
    ...(slot.active === undefined ? {} : { active: slot.active }),
    ...(slot.partitionUuid === undefined ? {} : { partitionUuid: slot.partitionUuid }),
    ...(fileSystem === undefined ? {} : { fileSystem }),
    ...(label === undefined ? {} : { label }),
    ...(uuid === undefined ? {} : { uuid }),
  };
}

/** From the default boot files, else from the types of partitions; two that disagree say nothing. */
function architectureOf(
  volumes: readonly Volume[],
  esps: ReadonlyMap<Volume, Esp>,
): Architecture | undefined {
  const boot = new Set([...esps.values()].flatMap((esp) => esp.architectures));
  // An x64 system often carries the loader for 32-bit firmware beside its own.
  if (boot.size === 2 && boot.has('X86_64') && boot.has('X86')) return 'X86_64';
  if (boot.size === 1) return [...boot][0];
  const types = new Set(volumes.flatMap(({ meaning }) => meaning.architecture ?? []));
  return types.size === 1 ? [...types][0] : undefined;
}

/** A system found, and the volume it was found on. */
interface Located extends System {
  readonly volume: Volume;
}

/** The operating system of the first volume that has one; what hindered the search is noted when none has. */
async function searchVolumes(volumes: readonly Volume[], context: DiskContext): Promise<Located | undefined> {
  const rank = ({ meaning }: Volume) => (meaning.role === 'root' ? 0 : meaning.role === 'usr' ? 1 : 2);
  const walk = newWalk(context.limits.symlinkChain);
  const hindrances = new Findings();
  for (const volume of [...volumes].sort((a, b) => rank(a) - rank(b))) {
    const { probe, reader, head, meaning } = volume;
    if (probe === undefined) continue;
    const found = await attempt(hindrances, volume, async () => {
      for await (const opened of openVolume(reader, head, probe, context.limits)) {
        const system = await findSystem({ ...opened, isUsr: meaning.role === 'usr' }, walk);
        if (system !== undefined) return { ...system, volume };
      }
      return undefined;
    });
    if (found !== undefined) return found;
  }
  context.findings.addAll(hindrances);
  return undefined;
}

async function architectureOfPrograms(
  system: Located | undefined,
  { findings, limits }: DiskContext,
): Promise<Architecture | undefined> {
  if (system === undefined) return undefined;
  return attempt(findings, system.volume, () => findArchitecture(system.home, newWalk(limits.symlinkChain)));
}
