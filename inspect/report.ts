/** What an inspection answers. Sizes and offsets are decimal strings, because they can pass 2^53. */

export type Severity = 'REJECT' | 'WARN' | 'INFO';
export type Verdict = 'accept' | 'reject';
export type Format = 'QCOW2' | 'VMDK' | 'VHD' | 'RAW';
export type PartitionTable = 'GPT' | 'MBR' | 'NONE';
export type BootMode = 'BIOS' | 'UEFI';
export type OsFamily = 'LINUX' | 'WINDOWS' | 'BSD' | 'OTHER';
export type Architecture = 'X86_64' | 'X86' | 'AARCH64' | 'RISCV64' | 'S390X' | 'PPC64LE';
export type FileSystem =
  | 'EXT2'
  | 'EXT3'
  | 'EXT4'
  | 'XFS'
  | 'BTRFS'
  | 'FAT12'
  | 'FAT16'
  | 'FAT32'
  | 'EXFAT'
  | 'NTFS'
  | 'REFS'
  | 'UFS'
  | 'ZFS_MEMBER'
  | 'LVM2_MEMBER'
  | 'MDRAID_MEMBER'
  | 'LUKS'
  | 'SWAP'
  | 'SQUASHFS'
  | 'ISO9660'
  | 'F2FS'
  | 'EROFS'
  | 'HFSPLUS'
  | 'APFS'
  | 'BITLOCKER';

/** One thing that was found out of order; `message` says what is wrong and what to do. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly message: string;
  readonly offset?: string;
  readonly field?: string;
  readonly expected?: string;
  readonly found?: string;
  /** The specification and its section. */
  readonly reference?: string;
}

export interface Partition {
  /** 1-based slot of the table; logical MBR partitions from 5; 0 for a file system on the whole disk. */
  readonly number: number;
  readonly start: string;
  readonly size: string;
  /** GPT type GUID in upper case, or the MBR type as `0x83`; absent for number 0. */
  readonly type?: string;
  readonly name?: string;
  readonly active?: boolean;
  readonly partitionUuid?: string;
  readonly fileSystem?: FileSystem;
  readonly label?: string;
  readonly uuid?: string;
}

export interface OsRelease {
  readonly id?: string;
  readonly versionId?: string;
  readonly versionCodename?: string;
  readonly prettyName?: string;
  readonly variantId?: string;
  readonly idLike?: string;
}

/** `allocated` and `sparse` are known only when every table was read. */
export interface Scan {
  readonly complete: boolean;
  readonly tables: number;
  /** Guest bytes that are stored. */
  readonly allocated?: string;
  readonly sparse?: boolean;
}

export interface Report {
  readonly verdict: Verdict;
  readonly format?: Format;
  readonly detected?: string;
  readonly variant?: string;
  readonly virtualSize?: string;
  readonly fileSize: string;
  readonly clusterSize?: string;
  readonly sectorSize?: number;
  readonly partitionTable?: PartitionTable;
  readonly partitions?: readonly Partition[];
  readonly bootModes?: readonly BootMode[];
  readonly osFamily?: OsFamily;
  readonly architecture?: Architecture;
  readonly os?: OsRelease;
  readonly features?: readonly string[];
  readonly scan?: Scan;
  readonly cost: { readonly reads: number; readonly bytes: number };
  readonly findings: readonly Finding[];
}

/** Every field of a report, in the order in which it is written. */
const FIELDS = {
  verdict: true,
  format: true,
  detected: true,
  variant: true,
  virtualSize: true,
  fileSize: true,
  clusterSize: true,
  sectorSize: true,
  partitionTable: true,
  partitions: true,
  bootModes: true,
  osFamily: true,
  architecture: true,
  os: true,
  features: true,
  scan: true,
  cost: true,
  findings: true,
} as const satisfies Record<keyof Report, true>;

/** The same report with its fields in their order, whenever they became known. */
export function inOrder(report: Report): Report {
  const fields = Object.keys(FIELDS) as (keyof Report)[];
  return Object.fromEntries(
    fields.flatMap((field) => (field in report ? [[field, report[field]]] : [])),
  ) as unknown as Report;
}

/** What the guest's disk shows, whatever container holds it: the part of a report that `disk.ts` finds out. */
export interface DiskFacts {
  sectorSize?: number;
  partitionTable?: PartitionTable;
  partitions?: Partition[];
  bootModes?: BootMode[];
  osFamily?: OsFamily;
  architecture?: Architecture;
  os?: OsRelease;
}

/** Findings that refuse, in the order in which a report lists them. */
export const REFUSALS = [
  'EMPTY',
  'TOO_SMALL',
  'UNKNOWN_FORMAT',
  'UNSUPPORTED_FORMAT',
  'COMPRESSED',
  'ARCHIVE',
  'NOT_A_DISK',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_VARIANT',
  'BACKING_FILE',
  'EXTERNAL_DATA_FILE',
  'EXTERNAL_EXTENT',
  'ENCRYPTED',
  'UNKNOWN_FEATURE',
  'MARKED_CORRUPT',
  'BAD_HEADER',
  'BAD_CHECKSUM',
  'TRUNCATED',
  'BAD_TABLE',
  'BAD_PARTITION_TABLE',
  'POLYGLOT',
  'NESTED_IMAGE',
  'TOO_LARGE',
  'RESOURCE_LIMIT',
  'FORMAT_MISMATCH',
  'SIZE_MISMATCH',
  'DIGEST_MISMATCH',
  'MIN_DISK_TOO_SMALL',
  'OS_MISMATCH',
  'GENERATION_MISMATCH',
] as const;

/** Findings that warn or inform, with the severity that each has. */
export const NOTICES = {
  UNRECOGNISED_CONTENT: 'WARN',
  DIRTY: 'WARN',
  GPT_PRIMARY_DAMAGED: 'WARN',
  GPT_BACKUP_DAMAGED: 'WARN',
  GPT_BACKUP_MISPLACED: 'INFO',
  INTERNAL_SNAPSHOTS: 'WARN',
  TRAILING_DATA: 'WARN',
  LEAKED_CLUSTERS: 'INFO',
  UNALIGNED_SIZE: 'INFO',
  NO_PARTITION_TABLE: 'INFO',
  NOT_BOOTABLE: 'WARN',
  ENCRYPTED_VOLUME: 'INFO',
  FILE_SYSTEM_DAMAGED: 'WARN',
  FACTS_INCOMPLETE: 'INFO',
  SCAN_INCOMPLETE: 'WARN',
  HYBRID_MBR: 'INFO',
  UNKNOWN_COMPATIBLE_FEATURE: 'INFO',
  CREATOR_QUIRK: 'INFO',
} as const satisfies Record<string, Exclude<Severity, 'REJECT'>>;

export type RefusalCode = (typeof REFUSALS)[number];
export type NoticeCode = keyof typeof NOTICES;
export type FindingCode = RefusalCode | NoticeCode;

type Detail = Omit<Finding, 'code' | 'severity'>;

/** Collects findings; a report sorts them once at its end. Bounded, so that a hostile table cannot fill memory. */
export class Findings {
  static readonly LIMIT = 200;
  readonly #list: Finding[] = [];

  /**
   * Notes one finding; the severity follows from the code. What was noted for the same place and field already is
   * not noted again. Past the limit a finding is dropped, but never the first refusal: a file cannot talk its way
   * in by filling the list with warnings.
   */
  add(code: FindingCode, detail: Detail): void {
    const severity = severityOf(code);
    const known = this.#list.some(
      (finding) =>
        finding.code === code &&
        finding.offset === detail.offset &&
        finding.field === detail.field &&
        finding.message === detail.message,
    );
    if (known) return;
    if (this.#list.length >= Findings.LIMIT && (severity !== 'REJECT' || this.refused)) return;
    this.#list.push({ code, severity, ...detail });
  }

  /** Takes over what another list holds. */
  addAll(other: Findings): void {
    for (const { code, severity: _, ...detail } of other.#list) this.add(code, detail);
  }

  has(code: FindingCode): boolean {
    return this.#list.some((finding) => finding.code === code);
  }

  get refused(): boolean {
    return this.#list.some((finding) => finding.severity === 'REJECT');
  }

  /** Refusals first in their listed order, then the rest in theirs, then by offset. */
  sorted(): Finding[] {
    return sortFindings(this.#list);
  }
}

const ORDER: ReadonlyMap<FindingCode, number> = new Map(
  [...REFUSALS, ...(Object.keys(NOTICES) as NoticeCode[])].map((code, index) => [code, index]),
);

/** The severity that belongs to a code. */
export function severityOf(code: FindingCode): Severity {
  return code in NOTICES ? NOTICES[code as NoticeCode] : 'REJECT';
}

/** Findings in the order of a report: refusals first, then notices, each in the order of the lists above, then by offset. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const rank = (finding: Finding) => ORDER.get(finding.code) ?? ORDER.size;
  return [...findings].sort((a, b) => {
    const byCode = rank(a) - rank(b);
    if (byCode !== 0) return byCode;
    const [x, y] = [BigInt(a.offset ?? '0'), BigInt(b.offset ?? '0')];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}
