import { describe, expect, it } from 'vitest';
import { elfArchitecture } from '../../../inspect/elf.ts';
import { follow, newWalk } from '../../../inspect/filesystems/paths.ts';
import { type FileNode, type FileTree, GivenUp } from '../../../inspect/filesystems/tree.ts';
import { findArchitecture, findSystem } from '../../../inspect/system.ts';

/** A directory is an object, a link a string that begins with `->`, a file any other string. */
type Content = string | { readonly [name: string]: Content };
interface Node extends FileNode {
  readonly content: Content;
}

function nodeOf(content: Content): Node {
  if (typeof content !== 'string') return { kind: 'directory', size: 0, content };
  return content.startsWith('->')
    ? { kind: 'link', size: content.length - 2, content }
    : { kind: 'file', size: content.length, content };
}

function treeOf(content: Content): FileTree<Node> {
  const inside = (directory: Node) => directory.content as { readonly [name: string]: Content };
  return {
    root: async () => nodeOf(content),
    lookup: async (directory, name) => {
      const found = Object.hasOwn(inside(directory), name) ? inside(directory)[name] : undefined;
      return found === undefined ? undefined : nodeOf(found);
    },
    list: async (directory) => Object.keys(inside(directory)),
    read: async (file, most) => Buffer.from(file.content as string, 'latin1').subarray(0, most),
    target: async (link) => (link.content as string).slice(2),
  };
}

async function at(content: Content, path: string): Promise<Content | undefined> {
  const tree = treeOf(content);
  return (await follow(tree, await tree.root(), path, newWalk(8)))?.content;
}

describe('a path', () => {
  const chain = (links: number): Content =>
    Object.fromEntries([
      ...Array.from({ length: links }, (_, i) => [`l${i}`, `->l${i + 1}`]),
      [`l${links}`, 'end'],
    ]);

  it.each<[string, Content, string, Content | undefined]>([
    ['plain', { a: { b: 'x' } }, 'a/b', 'x'],
    ['with empty components and dots', { a: { b: 'x' } }, '/./a//b/.', 'x'],
    ['that is missing', { a: {} }, 'a/b', undefined],
    ['through a file', { a: 'x' }, 'a/b', undefined],
    ['with a relative link', { a: { l: '->../b' }, b: 'x' }, 'a/l', 'x'],
    ['with an absolute link', { a: { l: '->/b' }, b: 'x' }, 'a/l', 'x'],
    ['with a link in the middle', { lib: '->usr/lib', usr: { lib: { f: 'x' } } }, 'lib/f', 'x'],
    ['that climbs above the root', { a: { l: '->../../../../b' }, b: 'x' }, 'a/l', 'x'],
    ['whose parent is that of the target', { l: '->a/b', a: { b: {}, c: 'x' }, c: 'no' }, 'l/../c', 'x'],
    ['over a link that leads nowhere', { l: '->gone' }, 'l', undefined],
    ['over eight links', chain(8), 'l0', 'end'],
    ['with names that objects have', {}, '__proto__/constructor', undefined],
  ])('%s is followed', async (_name, content, path, expected) => {
    expect(await at(content, path)).toBe(expected);
  });

  it.each<[string, Content, string]>([
    ['over nine links', chain(9), 'l0'],
    ['in a circle', { a: '->b', b: '->a' }, 'a'],
    ['with more components than are followed', { a: {} }, 'a/../'.repeat(40)],
    ['over a target of more than 4095 bytes', { a: `->${'x/'.repeat(2050)}` }, 'a'],
  ])('%s is given up', async (_name, content, path) => {
    await expect(at(content, path)).rejects.toThrow(GivenUp);
  });

  it('costs no more look-ups than the walk has', async () => {
    const tree = treeOf({ a: { b: 'x' } });
    const walk = { mostLinks: 8, lookupsLeft: 3 };
    await follow(tree, await tree.root(), 'a/b', walk);
    await expect(follow(tree, await tree.root(), 'a/b', walk)).rejects.toThrow(GivenUp);
  });
});

describe('a system', () => {
  const release = 'ID=found\n';
  const deployment = (n: string) => `${'ab'.repeat(32)}.${n}`;
  const find = async (content: Content, isUsr = false) => {
    const tree = treeOf(content);
    return findSystem({ tree, top: await tree.root(), isUsr }, newWalk(8));
  };

  it.each<[string, Content]>([
    ['/etc/os-release', { etc: { 'os-release': release } }],
    [
      'a link into /usr',
      { etc: { 'os-release': '->../usr/lib/os-release' }, usr: { lib: { 'os-release': release } } },
    ],
    ['/usr/lib/os-release', { etc: {}, usr: { lib: { 'os-release': release } } }],
    [
      'behind a link in a circle',
      { etc: { 'os-release': '->os-release' }, usr: { lib: { 'os-release': release } } },
    ],
    [
      'a store as NixOS has it',
      {
        etc: { 'os-release': '->/etc/static/os-release', static: '->/nix/store/e' },
        nix: { store: { e: { 'os-release': '->/nix/store/f' }, f: release } },
      },
    ],
    [
      'the newest deployment of an ostree',
      {
        ostree: {
          deploy: {
            fedora: {
              deploy: {
                [deployment('0')]: { usr: { lib: { 'os-release': 'ID=old' } } },
                [`${deployment('0')}.origin`]: 'x',
                [deployment('1')]: { usr: { lib: { 'os-release': '->/usr/x' }, x: release } },
              },
            },
          },
        },
      },
    ],
  ])('is found at %s', async (_name, content) => {
    expect((await find(content))?.os).toEqual({ id: 'found' });
  });

  it('is found at /lib of what is mounted at /usr', async () => {
    expect((await find({ lib: { 'os-release': release } }, true))?.os).toEqual({ id: 'found' });
    expect(await find({ lib: { 'os-release': release } })).toBeUndefined();
  });

  it('is not found in an empty volume, and says what hindered in another', async () => {
    expect(await find({ 'lost+found': {} })).toBeUndefined();
    await expect(find({ etc: { 'os-release': '->os-release' } })).rejects.toThrow(GivenUp);
  });

  it('tells its architecture by the shell, links followed', async () => {
    const elf = `\x7fELF\x02\x01\x01${'\0'.repeat(11)}\xb7\0`;
    const tree = treeOf({ bin: '->usr/bin', usr: { bin: { sh: '->busybox', busybox: elf } } });
    const home = { tree, top: await tree.root(), isUsr: false };
    expect(await findArchitecture(home, newWalk(8))).toBe('AARCH64');
  });
});

describe('an ELF header', () => {
  const header = (bits: number, order: number, machine: readonly number[]) =>
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits, order, 1, ...Array(11).fill(0), ...machine]);

  it.each([
    ['X86_64', header(2, 1, [0x3e, 0])],
    ['X86', header(1, 1, [0x03, 0])],
    ['AARCH64', header(2, 1, [0xb7, 0])],
    ['RISCV64', header(2, 1, [0xf3, 0])],
    ['S390X', header(2, 2, [0, 0x16])],
    ['PPC64LE', header(2, 1, [0x15, 0])],
    [undefined, header(2, 2, [0, 0x15])],
    [undefined, header(1, 1, [0xf3, 0])],
    [undefined, header(2, 1, [0x28, 0])],
    [undefined, Buffer.from('#!/bin/sh\n')],
    [undefined, Buffer.from([0x7f, 0x45])],
  ])('tells %s', (architecture, start) => {
    expect(elfArchitecture(start)).toBe(architecture);
  });
});
