/** The operating system on a volume: its os-release and the architecture of its programs. */
import { ELF_BYTES, elfArchitecture } from './elf.ts';
import { follow, type Walk } from './filesystems/paths.ts';
import { Damaged, type FileNode, type FileTree, GivenUp, Locked } from './filesystems/tree.ts';
import { OS_RELEASE_BYTES, parseOsRelease } from './os-release.ts';
import { OutOfBounds } from './readers/bytes.ts';
import type { Architecture, OsRelease } from './report.ts';

/** Where an operating system may begin in a volume. */
export interface Home<N extends FileNode = FileNode> {
  readonly tree: FileTree<N>;
  readonly top: N;
  /** The volume is what is mounted at `/usr`, so that its paths lack that name. */
  readonly isUsr: boolean;
}

export interface System {
  readonly os: OsRelease;
  readonly home: Home;
}

const OS_RELEASE_PATHS = [
  'etc/os-release',
  'usr/lib/os-release',
  'etc/static/os-release',
  'nix/var/nix/profiles/system/etc/os-release',
];
const USR_OS_RELEASE_PATHS = ['lib/os-release'];

/** Programs that every system of the kind has; the first found decides. */
const PROGRAM_PATHS = [
  'bin/sh',
  'usr/bin/sh',
  'lib64/ld-linux-x86-64.so.2',
  'usr/lib64/ld-linux-x86-64.so.2',
  'lib/ld-linux-aarch64.so.1',
  'usr/lib/ld-linux-aarch64.so.1',
  'lib/ld-linux.so.2',
  'lib/ld-linux-riscv64-lp64d.so.1',
  'lib/ld64.so.1',
  'lib64/ld64.so.2',
];

/**
 * Looks for an os-release in its customary places, then in the deployments of an ostree. Throws the first
 * `Damaged`, `GivenUp` or `Locked` met only when nothing was found in the other places either.
 */
export async function findSystem(home: Home, walk: Walk): Promise<System | undefined> {
  const obstacles = new Obstacles();
  const paths = home.isUsr ? USR_OS_RELEASE_PATHS : OS_RELEASE_PATHS;
  for (const path of paths) {
    const os = await obstacles.pass(() => readOsRelease(home, path, walk));
    if (os !== undefined) return { os, home };
  }
  if (!home.isUsr) {
    const deployment = await obstacles.pass(() => newestDeployment(home, walk));
    if (deployment !== undefined) {
      const inside = { ...home, top: deployment };
      const os = await obstacles.pass(() => readOsRelease(inside, 'usr/lib/os-release', walk));
      if (os !== undefined) return { os, home: inside };
    }
  }
  obstacles.raise();
  return undefined;
}

/** The architecture of the system's shell or dynamic loader; undefined when none can be read. */
export async function findArchitecture(home: Home, walk: Walk): Promise<Architecture | undefined> {
  const obstacles = new Obstacles();
  for (const path of PROGRAM_PATHS) {
    const architecture = await obstacles.pass(async () => {
      const start = await readStart(home, path, ELF_BYTES, walk);
      return start === undefined ? undefined : elfArchitecture(start);
    });
    if (architecture !== undefined) return architecture;
  }
  obstacles.raise();
  return undefined;
}

/** Lets a search go on behind what cannot be read, and remembers the first of it. */
class Obstacles {
  #first: unknown;

  async pass<T>(search: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await search();
    } catch (error) {
      const isObstacle = [Damaged, GivenUp, Locked, OutOfBounds].some((kind) => error instanceof kind);
      if (!isObstacle) throw error;
      this.#first ??= error;
      return undefined;
    }
  }

  raise(): void {
    if (this.#first !== undefined) throw this.#first;
  }
}

async function readOsRelease(home: Home, path: string, walk: Walk): Promise<OsRelease | undefined> {
  const bytes = await readStart(home, path, OS_RELEASE_BYTES, walk);
  return bytes === undefined ? undefined : parseOsRelease(bytes);
}

async function readStart(
  { tree, top }: Home,
  path: string,
  most: number,
  walk: Walk,
): Promise<Uint8Array | undefined> {
  const node = await follow(tree, top, path, walk);
  return node?.kind === 'file' ? tree.read(node, most) : undefined;
}

/** `ostree/deploy/<os>/deploy/<checksum>.<n>`: the last by name of the first system that has one. */
async function newestDeployment({ tree, top }: Home, walk: Walk): Promise<FileNode | undefined> {
  const systems = await follow(tree, top, 'ostree/deploy', walk);
  if (systems?.kind !== 'directory') return undefined;
  for (const system of await tree.list(systems)) {
    const deployments = await follow(tree, systems, `${system}/deploy`, walk);
    if (deployments?.kind !== 'directory') continue;
    const names = (await tree.list(deployments)).filter((name) => /^[0-9a-f]{64}\.[0-9]+$/.test(name));
    const newest = names.at(-1);
    if (newest !== undefined) return tree.lookup(deployments, newest);
  }
  return undefined;
}
