import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Sha256, type Sha256State } from '../../../core/sha256.ts';

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Numbers from a fixed seed (xorshift), the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function pseudoRandomBytes(count: number, seed: number): Uint8Array {
  const nextNumber = sequence(seed);
  return Uint8Array.from({ length: count }, () => nextNumber() >>> 24);
}

const trueDigest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('SHA-256', () => {
  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('of the published vector %.20j', (text, digest) => {
    const hash = new Sha256();
    hash.update(ascii(text));
    expect(hash.digestHex()).toBe(digest);
  });

  it('agrees with the platform at every length around the blocks', () => {
    const bytes = pseudoRandomBytes(300, 7);
    for (let length = 0; length <= bytes.length; length += 1) {
      const hash = new Sha256();
      hash.update(bytes.subarray(0, length));
      expect(hash.digestHex(), `${length} bytes`).toBe(trueDigest(bytes.subarray(0, length)));
    }
  });

  it('agrees with the platform in odd pieces, put down and taken up between them', () => {
    const bytes = pseudoRandomBytes(1_000_003, 11);
    const nextNumber = sequence(13);
    let state: string = JSON.stringify(new Sha256().save());
    for (let at = 0; at < bytes.length; ) {
      const length = nextNumber() % (nextNumber() % 3 === 0 ? 20_000 : 130);
      const hash = new Sha256(JSON.parse(state) as Sha256State);
      hash.update(bytes.subarray(at, at + length));
      state = JSON.stringify(hash.save());
      at = Math.min(at + length, bytes.length);
    }
    const whole = new Sha256(JSON.parse(state) as Sha256State);
    expect(whole.save().lengthBytes).toBe(bytes.length);
    expect(whole.digestHex()).toBe(trueDigest(bytes));
  });

  it('can be asked for its digest on the way', () => {
    const hash = new Sha256();
    hash.update(ascii('ab'));
    expect(hash.digestHex()).toBe(trueDigest(ascii('ab')));
    hash.update(ascii('c'));
    expect(hash.digestHex()).toBe(trueDigest(ascii('abc')));
  });

  it('reads a view into a larger buffer', () => {
    const bytes = pseudoRandomBytes(200, 17);
    const hash = new Sha256();
    hash.update(new Uint8Array(bytes.buffer, 3, 150));
    expect(hash.digestHex()).toBe(trueDigest(bytes.subarray(3, 153)));
  });

  it('counts lengths beyond 512 MiB in the padding', () => {
    // The same words after different lengths must end differently: the length in bits passes 2^32.
    const { words } = new Sha256().save();
    const digests = [2 ** 29, 2 ** 33, 2 ** 42].map((lengthBytes) =>
      new Sha256({ words, pending: [], lengthBytes }).digestHex(),
    );
    expect(new Set([...digests, new Sha256().digestHex()]).size).toBe(4);
  });

  const good = new Sha256().save();
  it.each<[string, object]>([
    ['too few words', { words: good.words.slice(1) }],
    ['a word beyond 32 bits', { words: [2 ** 32, ...good.words.slice(1)] }],
    ['pending bytes that the length does not have', { pending: [1] }],
    ['a length without its pending bytes', { lengthBytes: 65 }],
    ['a byte beyond 255', { pending: [256], lengthBytes: 1 }],
    ['a negative length', { lengthBytes: -64 }],
  ])('refuses a saved state with %s', (_, change) => {
    expect(() => new Sha256({ ...good, ...change })).toThrow(RangeError);
  });
});
