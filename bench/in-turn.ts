/**
 * Times of several things that are done in turn, so that whatever else the machine does meets all of them alike. Only
 * ratios of these times mean anything.
 */

/**
 * in: what to do, by name; `pauseMs` before each, for what the one before leaves to be done behind its answer.
 * out: the median time of each, in milliseconds, over `rounds` after `warmUp` more.
 */
export async function inTurn<Name extends string>(
  tasks: Readonly<Record<Name, () => Promise<unknown>>>,
  {
    rounds,
    warmUp,
    pauseMs,
  }: { readonly rounds: number; readonly warmUp: number; readonly pauseMs?: number },
): Promise<Readonly<Record<Name, number>>> {
  const names = Object.keys(tasks) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const name of names) {
      if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const began = performance.now();
      await tasks[name]();
      if (round >= 0) times.get(name)?.push(performance.now() - began);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError('there is no median of nothing');
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
