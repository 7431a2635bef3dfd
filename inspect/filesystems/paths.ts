import { type FileNode, type FileTree, GivenUp } from './tree.ts';

const MOST_COMPONENTS = 64;
const LONGEST_TARGET_BYTES = 4095;

/** What following paths may cost: directories can be long and paths lead through them again and again. */
export interface Walk {
  /** Symbolic links on one path. */
  readonly mostLinks: number;
  /** Names looked up on all paths; counted down. */
  lookupsLeft: number;
}

/** A walk that is long enough for every system and short enough for hostile ones. */
export function newWalk(mostLinks: number): Walk {
  return { mostLinks, lookupsLeft: 1024 };
}

/**
 * Follows a path from `top`, links included, and returns what stands there; undefined when something on the way is
 * missing or is no directory. `top` is the root of absolute links, and `..` does not lead above it. Throws GivenUp
 * when the walk is spent, and what the tree throws.
 */
export async function follow<N extends FileNode>(
  tree: FileTree<N>,
  top: N,
  path: string,
  walk: Walk,
): Promise<N | undefined> {
  const above: N[] = [];
  let node = top;
  let links = 0;
  let steps = 0;
  const ahead = componentsOf(path);
  for (;;) {
    const name = ahead.shift();
    if (name === undefined) return node;
    steps += 1;
    if (steps > MOST_COMPONENTS) throw new GivenUp('a path has more components than are followed');
    if (name === '..') {
      node = above.pop() ?? top;
      continue;
    }
    if (node.kind !== 'directory') return undefined;
    if (walk.lookupsLeft <= 0) throw new GivenUp('the search takes more look-ups than are made');
    walk.lookupsLeft -= 1;
    const next = await tree.lookup(node, name);
    if (next === undefined) return undefined;
    if (next.kind !== 'link') {
      above.push(node);
      node = next;
      continue;
    }
    links += 1;
    if (links > walk.mostLinks) {
      throw new GivenUp(`a path leads over more than ${walk.mostLinks} symbolic links`);
    }
    if (next.size > LONGEST_TARGET_BYTES) throw new GivenUp('the target of a symbolic link is too long');
    const target = await tree.target(next);
    if (target.startsWith('/')) {
      above.length = 0;
      node = top;
    }
    ahead.unshift(...componentsOf(target));
  }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
