import { describe, expect, it } from 'vitest';
import {
  type BootMode,
  declaredGeneration,
  deriveGeneration,
  deriveOsType,
  GENERATIONS,
  type Generation,
  generationToJson,
  type HardwareGeneration,
  type OsType,
  settleHardware,
} from '../../../core/hardware.ts';

describe('the JSON form', () => {
  it.each<[Generation, HardwareGeneration]>([
    ['GEN_1_1', { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V1' } }],
    ['GEN_1_2', { legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_V2' } }],
    ['GEN_2', { generation2Features: {} }],
  ])('of %s, there and back', (generation, json) => {
    expect(generationToJson(generation)).toEqual(json);
    for (const source of [undefined, ...GENERATIONS]) {
      expect(declaredGeneration(json, source)).toBe(generation);
    }
  });

  it.each<[HardwareGeneration | undefined, Generation | undefined, Generation | undefined]>([
    [undefined, undefined, undefined],
    [{}, 'GEN_2', undefined],
    [{ legacyFeatures: {} }, undefined, 'GEN_1_1'],
    [{ legacyFeatures: {} }, 'GEN_1_1', 'GEN_1_1'],
    [{ legacyFeatures: {} }, 'GEN_1_2', 'GEN_1_2'],
    [{ legacyFeatures: {} }, 'GEN_2', 'GEN_1_1'],
    [{ legacyFeatures: { pciTopology: 'PCI_TOPOLOGY_UNSPECIFIED' } }, 'GEN_1_2', 'GEN_1_2'],
    [{ generation2Features: { anything: 1 } }, 'GEN_1_1', 'GEN_2'],
  ])('%j over %s declares %s', (json, source, generation) => {
    expect(declaredGeneration(json, source)).toBe(generation);
  });

  it('with both kinds of features is refused', () => {
    expect(() => declaredGeneration({ legacyFeatures: {}, generation2Features: {} })).toThrow(
      'HardwareGeneration: must have legacyFeatures or generation2Features, not both of them',
    );
  });
});

describe('the generation of an image', () => {
  type Given = [
    bootModes: BootMode[] | undefined,
    architecture: string | undefined,
    declared: Generation | undefined,
    inherited: Generation | undefined,
    answer: Generation | 'mismatch',
  ];
  it.each<Given>([
    // Nothing declared: what the disk boots.
    [['BIOS'], undefined, undefined, undefined, 'GEN_1_1'],
    [['BIOS', 'UEFI'], 'X86_64', undefined, undefined, 'GEN_1_1'],
    [['UEFI'], 'X86_64', undefined, undefined, 'GEN_2'],
    [[], undefined, undefined, undefined, 'GEN_1_1'],
    [undefined, undefined, undefined, undefined, 'GEN_1_1'],
    [['UEFI'], 'AARCH64', undefined, undefined, 'GEN_2'],
    [['BIOS', 'UEFI'], 'AARCH64', undefined, undefined, 'GEN_2'],
    [['BIOS'], 'X86', undefined, undefined, 'GEN_1_1'],
    [[], 'AARCH64', undefined, undefined, 'GEN_2'],
    // Declared: it holds when the disk can boot so, or boots not at all.
    [['BIOS'], undefined, 'GEN_1_1', undefined, 'GEN_1_1'],
    [['BIOS'], undefined, 'GEN_1_2', undefined, 'GEN_1_2'],
    [['BIOS'], undefined, 'GEN_2', undefined, 'mismatch'],
    [['UEFI'], undefined, 'GEN_2', undefined, 'GEN_2'],
    [['UEFI'], undefined, 'GEN_1_1', undefined, 'mismatch'],
    [['UEFI'], undefined, 'GEN_1_2', undefined, 'mismatch'],
    [['BIOS', 'UEFI'], 'X86_64', 'GEN_1_2', undefined, 'GEN_1_2'],
    [['BIOS', 'UEFI'], 'X86_64', 'GEN_2', undefined, 'GEN_2'],
    [['BIOS', 'UEFI'], 'AARCH64', 'GEN_1_1', undefined, 'mismatch'],
    [['BIOS', 'UEFI'], 'AARCH64', 'GEN_2', undefined, 'GEN_2'],
    [[], undefined, 'GEN_2', undefined, 'GEN_2'],
    [[], 'AARCH64', 'GEN_1_1', undefined, 'GEN_1_1'],
    // Inherited, unless declared.
    [['BIOS', 'UEFI'], 'X86_64', undefined, 'GEN_2', 'GEN_2'],
    [[], undefined, undefined, 'GEN_1_2', 'GEN_1_2'],
    [['BIOS', 'UEFI'], 'X86_64', 'GEN_1_1', 'GEN_2', 'GEN_1_1'],
    [['BIOS'], 'X86_64', 'GEN_2', 'GEN_1_1', 'mismatch'],
  ])(
    'boots %j on %s, declared %s, inherited %s: %s',
    (bootModes, architecture, declared, inherited, answer) => {
      const result = deriveGeneration({ bootModes, architecture, declared, inherited });
      if (answer === 'mismatch') expect(result).toMatchObject({ mismatch: { code: 'GENERATION_MISMATCH' } });
      else expect(result).toEqual({ generation: answer });
    },
  );

  it('is refused naming what was found', () => {
    expect(deriveGeneration({ bootModes: ['UEFI'], declared: 'GEN_1_2' })).toEqual({
      mismatch: {
        code: 'GENERATION_MISMATCH',
        severity: 'REJECT',
        message:
          'Gen 1.2 boots BIOS, but the disk boots UEFI; leave hardwareGeneration out, or declare one that boots it.',
        field: 'hardware_generation',
        expected: 'BIOS',
        found: 'UEFI',
      },
    });
    const foreign = deriveGeneration({
      bootModes: ['BIOS', 'UEFI'],
      architecture: 'AARCH64',
      declared: 'GEN_1_1',
    });
    expect(foreign).toMatchObject({
      mismatch: { message: expect.stringContaining('BIOS and UEFI on AARCH64, which needs Gen 2') },
    });
  });
});

describe('the operating system type', () => {
  it.each<[string | undefined, OsType | undefined, OsType | undefined, OsType | 'mismatch']>([
    [undefined, undefined, undefined, 'LINUX'],
    ['LINUX', undefined, undefined, 'LINUX'],
    ['WINDOWS', undefined, undefined, 'WINDOWS'],
    ['BSD', undefined, undefined, 'LINUX'],
    ['OTHER', undefined, undefined, 'LINUX'],
    [undefined, 'WINDOWS', undefined, 'WINDOWS'],
    ['BSD', 'WINDOWS', undefined, 'WINDOWS'],
    ['LINUX', 'LINUX', undefined, 'LINUX'],
    ['WINDOWS', 'LINUX', undefined, 'mismatch'],
    ['LINUX', 'WINDOWS', undefined, 'mismatch'],
    [undefined, undefined, 'WINDOWS', 'WINDOWS'],
    [undefined, 'LINUX', 'WINDOWS', 'LINUX'],
  ])('found %s, declared %s, inherited %s: %s', (osFamily, declared, inherited, answer) => {
    const result = deriveOsType({ osFamily, declared, inherited });
    if (answer === 'mismatch') expect(result).toMatchObject({ mismatch: { code: 'OS_MISMATCH' } });
    else expect(result).toEqual({ osType: answer });
  });
});

describe('both of a disk that was inspected before', () => {
  const uefiLinux = { bootModes: ['UEFI'], architecture: 'X86_64', osFamily: 'LINUX' } as const;

  it.each<[string, Parameters<typeof settleHardware>, ReturnType<typeof settleHardware>]>([
    ['found', [uefiLinux, {}], { osType: 'LINUX', hardwareGeneration: 'GEN_2' }],
    [
      'inherited',
      [{}, {}, { osType: 'WINDOWS', hardwareGeneration: 'GEN_1_2' }],
      { osType: 'WINDOWS', hardwareGeneration: 'GEN_1_2' },
    ],
    [
      'declared over the source',
      [
        {},
        { osType: 'LINUX', hardwareGeneration: 'GEN_2' },
        { osType: 'WINDOWS', hardwareGeneration: 'GEN_1_2' },
      ],
      { osType: 'LINUX', hardwareGeneration: 'GEN_2' },
    ],
    [
      'nothing known',
      [{}, { osType: null, hardwareGeneration: null }, { osType: null }],
      { osType: 'LINUX', hardwareGeneration: 'GEN_1_1' },
    ],
  ])('%s', (_, given, settled) => {
    expect(settleHardware(...given)).toEqual(settled);
  });

  it('names every declaration that the disk contradicts', () => {
    const attempt = () => settleHardware(uefiLinux, { osType: 'WINDOWS', hardwareGeneration: 'GEN_1_1' });
    expect(attempt).toThrow(/os\.type was declared WINDOWS.*Gen 1\.1 boots BIOS, but the disk boots UEFI/);
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: [
          {
            kind: 'fields',
            violations: [
              expect.objectContaining({ field: 'os.type' }),
              expect.objectContaining({ field: 'hardware_generation' }),
            ],
          },
        ],
      }),
    );
  });
});
