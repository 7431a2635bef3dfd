/**
 * Partition types by their meaning. GUIDs are those of UEFI 2.10 section 5.3.3, of the Discoverable Partitions
 * Specification and of the systems named; MBR types are the customary ones.
 */
import type { Architecture, OsFamily } from '../report.ts';

/** What a partition type says about the partition, as far as the inspection asks. */
export interface TypeMeaning {
  readonly role?:
    | 'esp'
    | 'biosBoot'
    | 'freebsdBoot'
    | 'prep'
    | 'microsoftReserved'
    | 'swap'
    | 'raid'
    | 'usr'
    | 'root';
  readonly family?: OsFamily;
  /** The family is told by the type alone only when nothing else speaks: the type is found on other disks too. */
  readonly weak?: true;
  readonly architecture?: Architecture;
}

const GPT_TYPES: ReadonlyMap<string, TypeMeaning> = new Map<string, TypeMeaning>([
  ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', { role: 'esp' }],
  ['21686148-6449-6E6F-744E-656564454649', { role: 'biosBoot', family: 'LINUX', weak: true }],
  ['9E1A2D38-C612-4316-AA26-8B49521E5A8B', { role: 'prep', family: 'LINUX', weak: true }],
  ['BC13C2FF-59E6-4262-A352-B275FD6F7172', { family: 'LINUX' }],
  ['0FC63DAF-8483-4772-8E79-3D69D8477DE4', { family: 'LINUX' }],
  ['0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', { role: 'swap', family: 'LINUX' }],
  ['E6D6D379-F507-44C2-A23C-238F2A3DF928', { family: 'LINUX' }],
  ['A19D880F-05FC-4D3B-A006-743F0F84911E', { role: 'raid', family: 'LINUX' }],
  ['CA7D7CCB-63ED-4C53-861C-1742536059CC', { family: 'LINUX' }],
  ['4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', { role: 'root', family: 'LINUX', architecture: 'X86_64' }],
  ['44479540-F297-41B2-9AF7-D131D5F0458A', { role: 'root', family: 'LINUX', architecture: 'X86' }],
  ['B921B045-1DF0-41C3-AF44-4C6F280D3FAE', { role: 'root', family: 'LINUX', architecture: 'AARCH64' }],
  ['69DAD710-2CE4-4E3C-B16C-21A1D49ABED3', { role: 'root', family: 'LINUX' }],
  ['72EC70A6-CF74-40E6-BD49-4BDA08E8F224', { role: 'root', family: 'LINUX', architecture: 'RISCV64' }],
  ['5EEAD9A9-FE09-4A1E-A1D7-520D00531306', { role: 'root', family: 'LINUX', architecture: 'S390X' }],
  ['C31C45E6-3F39-412E-80FB-4809C4980599', { role: 'root', family: 'LINUX', architecture: 'PPC64LE' }],
  ['77055800-792C-4F94-B39A-98C91B762BB6', { role: 'root', family: 'LINUX' }],
  ['8484680C-9521-48C6-9C11-B0720656F69E', { role: 'usr', family: 'LINUX', architecture: 'X86_64' }],
  ['B0E01050-EE5F-4390-949A-9101B17104E9', { role: 'usr', family: 'LINUX', architecture: 'AARCH64' }],
  ['2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5', { family: 'LINUX', architecture: 'X86_64' }],
  ['DF3300CE-D69F-4C92-978C-9BFB0F38D820', { family: 'LINUX', architecture: 'AARCH64' }],
  ['77FF5F63-E7B6-4633-ACF4-1565B864C0E6', { family: 'LINUX', architecture: 'X86_64' }],
  ['6E11A4E7-FBCA-4DED-B9E9-E1A512BB664E', { family: 'LINUX', architecture: 'AARCH64' }],
  ['933AC7E1-2EB4-4F13-B844-0E14E2AEF915', { family: 'LINUX' }],
  ['3B8F8425-20E0-4F3B-907F-1A25A76F98E8', { family: 'LINUX' }],
  ['4D21B016-B534-45C2-A9FB-5C16E091FD2D', { family: 'LINUX' }],
  ['5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6', { role: 'usr', family: 'LINUX' }],
  ['3884DD41-8582-4404-B9A8-E9B84F2DF50E', { role: 'root', family: 'LINUX' }],
  ['C95DC21A-DF0E-4340-8D7B-26CBFA9A03E0', { family: 'LINUX' }],
  ['FE3A2A5D-4F32-41A7-B725-ACCC3285A309', { family: 'LINUX' }],
  ['3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC', { family: 'LINUX' }],
  ['E3C9E316-0B5C-4DB8-817D-F92DF00215AE', { role: 'microsoftReserved', family: 'WINDOWS', weak: true }],
  ['DE94BBA4-06D1-4D40-A16A-BFD50179D6AC', { family: 'WINDOWS', weak: true }],
  ['5808C8AA-7E8F-42E0-85D2-E1E90434CFB3', { family: 'WINDOWS', weak: true }],
  ['AF9B60A0-1431-4F62-BC68-3311714A69AD', { family: 'WINDOWS', weak: true }],
  ['83BD6B9D-7F41-11DC-BE0B-001560B84F0F', { role: 'freebsdBoot', family: 'BSD' }],
  ['516E7CB4-6ECF-11D6-8FF8-00022D09712B', { family: 'BSD' }],
  ['516E7CB5-6ECF-11D6-8FF8-00022D09712B', { role: 'swap', family: 'BSD' }],
  ['516E7CB6-6ECF-11D6-8FF8-00022D09712B', { family: 'BSD' }],
  ['516E7CBA-6ECF-11D6-8FF8-00022D09712B', { family: 'BSD' }],
  ['824CC7A0-36A8-11E3-890A-952519AD3F61', { family: 'BSD' }],
  ['49F48D5A-B10E-11DC-B99B-0019D1879648', { family: 'BSD' }],
  ['6A898CC3-1DD2-11B2-99A6-080020736631', { family: 'OTHER', weak: true }],
  ['48465300-0000-11AA-AA11-00306543ECAC', { family: 'OTHER' }],
  ['7C3457EF-0000-11AA-AA11-00306543ECAC', { family: 'OTHER' }],
]);

const MBR_TYPES: ReadonlyMap<number, TypeMeaning> = new Map<number, TypeMeaning>([
  [0xef, { role: 'esp' }],
  [0x41, { role: 'prep', family: 'LINUX', weak: true }],
  [0x82, { role: 'swap', family: 'LINUX' }],
  [0x83, { family: 'LINUX' }],
  [0x8e, { family: 'LINUX' }],
  [0xe8, { family: 'LINUX' }],
  [0xfd, { role: 'raid', family: 'LINUX' }],
  [0x27, { family: 'WINDOWS', weak: true }],
  [0xa5, { family: 'BSD' }],
  [0xa6, { family: 'BSD' }],
  [0xa9, { family: 'BSD' }],
  [0xaf, { family: 'OTHER' }],
  [0xbf, { family: 'OTHER', weak: true }],
]);

const UNKNOWN: TypeMeaning = {};

/** The meaning of a partition's `type` as reports write it: a GUID in upper case, or `0x83`. */
export function meaningOf(type: string | undefined): TypeMeaning {
  if (type === undefined) return UNKNOWN;
  const meaning = type.startsWith('0x') ? MBR_TYPES.get(Number(type)) : GPT_TYPES.get(type);
  return meaning ?? UNKNOWN;
}

/** Types of MBR entries that hold a chain of logical partitions. */
export function isExtended(type: number): boolean {
  return type === 0x05 || type === 0x0f || type === 0x85;
}

/** The MBR type that guards a GPT disk. */
export const PROTECTIVE_TYPE = 0xee;
