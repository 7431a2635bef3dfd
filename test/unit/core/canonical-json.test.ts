import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../core/canonical-json.ts';

describe('canonical JSON', () => {
  it.each<[unknown, string]>([
    [null, 'null'],
    [true, 'true'],
    [0, '0'],
    [-0, '0'],
    [1e21, '1e+21'],
    ['a"\n', '"a\\"\\n"'],
    [[], '[]'],
    [{}, '{}'],
    [[3, 1, 2], '[3,1,2]'],
    [[1, undefined], '[1,null]'],
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [{ a: undefined, b: null }, '{"b":null}'],
    [{ b: [{ d: 1, c: 2 }], a: { f: 'x', e: {} } }, '{"a":{"e":{},"f":"x"},"b":[{"c":2,"d":1}]}'],
    [{ Z: 1, a: 2, 10: 3, 9: 4, é: 5 }, '{"10":3,"9":4,"Z":1,"a":2,"é":5}'],
    [JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
  ])('%j', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
    expect(canonicalJson(JSON.parse(text))).toBe(text);
  });

  it('lets one value stand in two places', () => {
    const shared = { x: 1 };
    expect(canonicalJson([shared, shared])).toBe('[{"x":1},{"x":1}]');
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
    ['a symbol', Symbol('s')],
    ['a function', () => 1],
    ['a circle', circle],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
    expect(() => canonicalJson({ deep: [value] })).toThrow(TypeError);
  });

  it('refuses to be made of nothing', () => {
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
  });
});
