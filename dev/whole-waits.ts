type Wait = typeof Atomics.wait;

let whole = false;

/**
 * Makes `Atomics.wait` of this process wait on while the value is what it was, however often it is woken.
 *
 * Miniflare blocks in it until a thread has the answer of the runtime. That thread stores that it has, then notifies;
 * on a busy machine the first can end the wait and the second come in the middle of the next one, which then ends
 * without an answer and fails, and with it every call behind it.
 */
export function waitWholly(): void {
  if (whole) return;
  whole = true;
  const wait = Atomics.wait as (...given: Parameters<Wait>) => ReturnType<Wait>;
  const again = (...given: Parameters<Wait>): ReturnType<Wait> => {
    const [array, index, value, timeout] = given;
    for (;;) {
      const ended = wait(...given);
      // Nobody who gives a time waits longer than that.
      if (ended !== 'ok' || timeout !== undefined || Atomics.load(array, index) !== value) return ended;
    }
  };
  Object.assign(Atomics, { wait: again });
}
