import { hasBytes, u8, u16be, u16le, whole } from './readers/bytes.ts';
import type { Architecture } from './report.ts';

/** Bytes of a file that hold everything asked for here. */
export const ELF_BYTES = 64;

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

/**
 * The architecture that a program was built for, from its ELF header: class at 4, byte order at 5, machine at 18
 * ("System V Application Binary Interface", chapter 4). Undefined when it is no ELF or of another architecture.
 */
export function elfArchitecture(start: Uint8Array): Architecture | undefined {
  return whole(() => {
    if (!hasBytes(start, 0, MAGIC)) return undefined;
    const is64 = u8(start, 4) === CLASS_64;
    const isLittle = u8(start, 5) === LITTLE_ENDIAN;
    switch (isLittle ? u16le(start, 18) : u16be(start, 18)) {
      case 0x03:
        return 'X86';
      case 0x15:
        return is64 && isLittle ? 'PPC64LE' : undefined;
      case 0x16:
        return is64 ? 'S390X' : undefined;
      case 0x3e:
        return 'X86_64';
      case 0xb7:
        return 'AARCH64';
      case 0xf3:
        return is64 ? 'RISCV64' : undefined;
      default:
        return undefined;
    }
  });
}
