const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Makes something that would leave the process at once on a signal, as Miniflare and wrangler do, and takes those
 * listeners away again: whoever starts a registry decides what a signal does, and ends all parts of it. Miniflare's
 * hook on `exit`, which ends workerd with this process, stays.
 */
export async function withoutSignals<T>(make: () => T | Promise<T>): Promise<T> {
  const before = new Set(SIGNALS.flatMap((signal) => process.listeners(signal)));
  const made = await make();
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (!before.has(listener)) process.off(signal, listener);
    }
  }
  return made;
}
