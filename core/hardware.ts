/**
 * Hardware generations and operating system types: how they are written, and what a disk's facts make of them.
 *
 * | generation | boots | JSON |
 * |---|---|---|
 * | Gen 1.1 | BIOS | `legacyFeatures`, `PCI_TOPOLOGY_V1` |
 * | Gen 1.2 | BIOS | `legacyFeatures`, `PCI_TOPOLOGY_V2` |
 * | Gen 2 | UEFI | `generation2Features` |
 */
import { invalidField, invalidFields } from './errors.ts';

export const GENERATIONS = ['GEN_1_1', 'GEN_1_2', 'GEN_2'] as const;
export type Generation = (typeof GENERATIONS)[number];
export type BootMode = 'BIOS' | 'UEFI';
export type OsType = 'LINUX' | 'WINDOWS';

export const DEFAULT_GENERATION: Generation = 'GEN_1_1';

/** What a generation is called in messages, and what it boots. */
const PROPERTIES: Readonly<Record<Generation, { title: string; boots: BootMode }>> = {
  GEN_1_1: { title: 'Gen 1.1', boots: 'BIOS' },
  GEN_1_2: { title: 'Gen 1.2', boots: 'BIOS' },
  GEN_2: { title: 'Gen 2', boots: 'UEFI' },
};

export type PciTopology = 'PCI_TOPOLOGY_UNSPECIFIED' | 'PCI_TOPOLOGY_V1' | 'PCI_TOPOLOGY_V2';

/** `hardwareGeneration` of the wire contract, as a request may hold it. */
export interface HardwareGeneration {
  readonly legacyFeatures?: { readonly pciTopology?: PciTopology | undefined } | undefined;
  readonly generation2Features?: Readonly<Record<string, unknown>> | undefined;
}

/** The JSON form, always written out in full. */
export function generationToJson(generation: Generation): HardwareGeneration {
  if (generation === 'GEN_2') return { generation2Features: {} };
  return {
    legacyFeatures: { pciTopology: generation === 'GEN_1_1' ? 'PCI_TOPOLOGY_V1' : 'PCI_TOPOLOGY_V2' },
  };
}

/**
 * The generation that a request declares; undefined when it declares none.
 * in: the source's generation, from which `legacyFeatures` without a topology takes it, when that is a Gen 1.
 * errors: INVALID_ARGUMENT on `hardware_generation` when both kinds of features are given.
 */
export function declaredGeneration(
  json: HardwareGeneration | undefined,
  source?: Generation,
): Generation | undefined {
  const { legacyFeatures, generation2Features } = json ?? {};
  if (legacyFeatures !== undefined && generation2Features !== undefined) {
    throw invalidField(
      'hardware_generation',
      'must have legacyFeatures or generation2Features, not both of them',
    );
  }
  if (generation2Features !== undefined) return 'GEN_2';
  if (legacyFeatures === undefined) return undefined;
  switch (legacyFeatures.pciTopology) {
    case 'PCI_TOPOLOGY_V1':
      return 'GEN_1_1';
    case 'PCI_TOPOLOGY_V2':
      return 'GEN_1_2';
    default:
      return source === 'GEN_1_2' ? 'GEN_1_2' : DEFAULT_GENERATION;
  }
}

/** Why a declaration cannot stand; it joins the findings of the inspection. */
export interface Mismatch {
  readonly code: 'GENERATION_MISMATCH' | 'OS_MISMATCH';
  readonly severity: 'REJECT';
  readonly message: string;
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** Architectures that a PC's BIOS starts; an unknown one is given the benefit of the doubt. */
function bootsBios(architecture: string | undefined): boolean {
  return architecture === undefined || architecture === 'X86_64' || architecture === 'X86';
}

/**
 * The generation of an image: the declared one when it can boot the disk, else the source's, else the one that
 * the disk boots. A disk without boot modes is a data disk and takes any.
 * in: what the inspection found; boot modes may be absent or empty.
 */
export function deriveGeneration(given: {
  readonly bootModes?: readonly BootMode[] | undefined;
  readonly architecture?: string | undefined;
  readonly declared?: Generation | undefined;
  readonly inherited?: Generation | undefined;
}): { readonly generation: Generation } | { readonly mismatch: Mismatch } {
  const { bootModes = [], architecture, declared, inherited } = given;
  const usable = bootModes.filter((mode) => mode === 'UEFI' || bootsBios(architecture));
  if (declared !== undefined) {
    const { title, boots } = PROPERTIES[declared];
    if (bootModes.length === 0 || usable.includes(boots)) return { generation: declared };
    const found = bootModes.join(' and ');
    const on = bootsBios(architecture) ? '' : ` on ${architecture}, which needs Gen 2`;
    return {
      mismatch: {
        code: 'GENERATION_MISMATCH',
        severity: 'REJECT',
        message: `${title} boots ${boots}, but the disk boots ${found}${on}; leave hardwareGeneration out, or declare one that boots it.`,
        field: 'hardware_generation',
        expected: boots,
        found,
      },
    };
  }
  if (inherited !== undefined) return { generation: inherited };
  if (!bootsBios(architecture)) return { generation: 'GEN_2' };
  const uefiOnly = usable.includes('UEFI') && !usable.includes('BIOS');
  return { generation: uefiOnly ? 'GEN_2' : DEFAULT_GENERATION };
}

/**
 * The operating system type: the declared one unless the disk is plainly the other kind, else the source's,
 * else what was found, else LINUX.
 */
export function deriveOsType(given: {
  readonly osFamily?: string | undefined;
  readonly declared?: OsType | undefined;
  readonly inherited?: OsType | undefined;
}): { readonly osType: OsType } | { readonly mismatch: Mismatch } {
  const { osFamily, declared, inherited } = given;
  const plainly = osFamily === 'LINUX' || osFamily === 'WINDOWS' ? osFamily : undefined;
  if (declared === undefined) return { osType: inherited ?? plainly ?? 'LINUX' };
  if (plainly === undefined || plainly === declared) return { osType: declared };
  return {
    mismatch: {
      code: 'OS_MISMATCH',
      severity: 'REJECT',
      message: `os.type was declared ${declared}, but the disk holds ${plainly}; leave os.type out, or declare ${plainly}.`,
      field: 'os.type',
      expected: declared,
      found: plainly,
    },
  };
}

/** What an inspection found that bears on generation and operating system type; any of it may be absent. */
export interface DiskFacts {
  readonly bootModes?: readonly BootMode[] | undefined;
  readonly architecture?: string | undefined;
  readonly osFamily?: string | undefined;
}

/** What is said of both, by a request or by a source. */
export interface HardwareTerms {
  readonly osType?: OsType | null | undefined;
  readonly hardwareGeneration?: Generation | null | undefined;
}

/**
 * Generation and operating system type of an image whose disk was inspected before.
 * errors: INVALID_ARGUMENT naming each declaration that the disk contradicts.
 */
export function settleHardware(
  facts: DiskFacts,
  declared: HardwareTerms,
  inherited: HardwareTerms = {},
): { readonly osType: OsType; readonly hardwareGeneration: Generation } {
  const os = deriveOsType({
    osFamily: facts.osFamily,
    declared: declared.osType ?? undefined,
    inherited: inherited.osType ?? undefined,
  });
  const generation = deriveGeneration({
    bootModes: facts.bootModes,
    architecture: facts.architecture,
    declared: declared.hardwareGeneration ?? undefined,
    inherited: inherited.hardwareGeneration ?? undefined,
  });
  if ('mismatch' in os || 'mismatch' in generation) {
    throw invalidFields(
      [os, generation].flatMap((settled) =>
        'mismatch' in settled
          ? [{ field: settled.mismatch.field, description: settled.mismatch.message }]
          : [],
      ),
    );
  }
  return { osType: os.osType, hardwareGeneration: generation.generation };
}
