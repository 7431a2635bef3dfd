/** Numbers that depend on nothing but what they were begun with, so that a mutant can be made again from its name. */
export class Random {
  #state: number;

  /** Two beginnings that differ in either number give unlike sequences. */
  constructor(seed: number, number: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35)) >>> 0;
    this.#next();
  }

  /** An integer from 0 up to, not with, `limit`. */
  below(limit: number): number {
    if (limit <= 2 ** 32) return Math.floor((this.#next() / 2 ** 32) * limit);
    return Math.floor(((this.#next() * 2 ** 21 + (this.#next() >>> 11)) / 2 ** 53) * limit);
  }

  chance(probability: number): boolean {
    return this.#next() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** 32 bits (mulberry32). */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}
