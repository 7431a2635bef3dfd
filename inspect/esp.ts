/**
 * What an EFI System Partition says: its default boot files and whose boot loaders it holds. UEFI 2.10 section 3.5.1.1
 * (removable media boot) for the names, Microsoft "PE Format" for the machine field.
 */
import { parseFat } from './filesystems/fat.ts';
import { type FatNode, type FatTree, openFat } from './filesystems/fat-files.ts';
import { Damaged } from './filesystems/tree.ts';
import type { Limits } from './limits.ts';
import { hasAscii, hasBytes, u16le, u32le, whole } from './readers/bytes.ts';
import type { RangeReader } from './readers/range-reader.ts';
import type { Architecture } from './report.ts';

export interface Esp {
  readonly label?: string;
  /** `EFI/Microsoft` is there. */
  readonly microsoft: boolean;
  /** Of the default boot files, each once. */
  readonly architectures: readonly Architecture[];
}

/** PE machines of the architectures that reports name; `undefined` for those they do not. */
const MACHINES: ReadonlyMap<number, Architecture | undefined> = new Map([
  [0x8664, 'X86_64'],
  [0x014c, 'X86'],
  [0xaa64, 'AARCH64'],
  [0x5064, 'RISCV64'],
  [0x01c0, undefined],
  [0x01c2, undefined],
  [0x01c4, undefined],
  [0x6264, undefined],
] as const);

const BOOT_FILES: ReadonlyMap<string, Architecture> = new Map([
  ['BOOTX64.EFI', 'X86_64'],
  ['BOOTIA32.EFI', 'X86'],
  ['BOOTAA64.EFI', 'AARCH64'],
  ['BOOTRISCV64.EFI', 'RISCV64'],
] as const);

/** The PE header lies in the first 4 KiB; the machine is its first field. */
const LARGEST_PE_OFFSET = 4096;
const PE_BYTES = LARGEST_PE_OFFSET + 6;
/** More boot files than there are architectures are somebody's joke. */
const MOST_BOOT_FILES = 16;

/**
 * Walks to `EFI/BOOT` and `EFI/Microsoft` of a FAT volume whose first bytes are `head`. Throws what a file tree
 * throws; undefined when the head is no FAT.
 */
export async function readEsp(
  volume: RangeReader,
  head: Uint8Array,
  limits: Limits,
): Promise<Esp | undefined> {
  const geometry = whole(() => parseFat(head));
  if (geometry === undefined) return undefined;
  const tree = openFat(volume, geometry, limits);
  const label = await tree.label();
  const named = label === undefined ? {} : { label };
  const efi = await directory(tree, await tree.root(), 'EFI');
  if (efi === undefined) return { ...named, microsoft: false, architectures: [] };
  const microsoft = (await directory(tree, efi, 'Microsoft')) !== undefined;
  const boot = await directory(tree, efi, 'BOOT');
  const architectures = boot === undefined ? [] : await bootArchitectures(tree, boot);
  return { ...named, microsoft, architectures };
}

async function directory(tree: FatTree, parent: FatNode, name: string): Promise<FatNode | undefined> {
  const node = await tree.lookup(parent, name);
  return node?.kind === 'directory' ? node : undefined;
}

async function bootArchitectures(tree: FatTree, boot: FatNode): Promise<Architecture[]> {
  const names = (await tree.list(boot)).filter((name) => /^BOOT[A-Z0-9]+\.EFI$/i.test(name));
  const found = new Set<Architecture>();
  for (const name of names.slice(0, MOST_BOOT_FILES)) {
    const file = await tree.lookup(boot, name);
    if (file?.kind !== 'file') continue;
    const machine = peMachine(await readStart(tree, file));
    // The name is believed where the file has no PE header; otherwise the header counts, known or not.
    const architecture = machine === undefined ? BOOT_FILES.get(name.toUpperCase()) : MACHINES.get(machine);
    if (architecture !== undefined) found.add(architecture);
  }
  return [...found];
}

async function readStart(tree: FatTree, file: FatNode): Promise<Uint8Array> {
  try {
    return await tree.read(file, PE_BYTES);
  } catch (error) {
    if (error instanceof Damaged) return new Uint8Array(0);
    throw error;
  }
}

/** The machine of a PE image from its first bytes; undefined when they are none. */
export function peMachine(start: Uint8Array): number | undefined {
  return whole(() => {
    if (!hasAscii(start, 0, 'MZ')) return undefined;
    const at = u32le(start, 60);
    return at < LARGEST_PE_OFFSET && hasBytes(start, at, [0x50, 0x45, 0, 0])
      ? u16le(start, at + 4)
      : undefined;
  });
}
