import { describe, expect, test } from 'vitest';
import { childText, document, element, parseXml } from '../../../dev/object-store/xml.ts';

describe('reading', () => {
  test('elements, text, entities and attributes', () => {
    const root = parseXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<A xmlns="http://x/"><B>1 &lt; 2 &amp;&#x20;&#51;</B>\n<C/></A>\n',
    );
    expect(root.name).toBe('A');
    expect(childText(root, 'B')).toBe('1 < 2 & 3');
    expect(childText(root, 'C')).toBe('');
  });

  test.each([
    ['nothing', ''],
    ['no element', 'text'],
    ['an open element', '<A><B></A>'],
    ['an element too many', '<A></A></A>'],
    ['two roots', '<A/><B/>'],
    ['text beside the root', '<A/>x'],
    ['a declaration', '<!DOCTYPE A [<!ENTITY x "y">]><A>&x;</A>'],
    ['an unknown entity', '<A>&x;</A>'],
    ['a bare ampersand', '<A>a & b</A>'],
    ['a number beyond Unicode', '<A>&#x110000;</A>'],
    ['CDATA', '<A><![CDATA[x]]></A>'],
    ['a comment', '<A><!-- x --></A>'],
    ['too deep', '<A>'.repeat(20) + '</A>'.repeat(20)],
    ['a cut tag', '<A'],
  ])('refuses %s', (_, text) => {
    expect(() => parseXml(text)).toThrow(expect.objectContaining({ code: 'MalformedXML' }));
  });

  test('a megabyte of an unfinished tag in a moment', () => {
    const started = performance.now();
    expect(() => parseXml(`<A ${'a="b" '.repeat(170_000)}`)).toThrow();
    expect(() => parseXml('<A>'.repeat(350_000))).toThrow();
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

test('what is written is read back', () => {
  const key = '<&>"\'\u0001\tü😀';
  const root = parseXml(document('Root', [element('Key', key), element('N', 5)]));
  expect(childText(root, 'Key')).toBe(key);
  expect(childText(root, 'N')).toBe('5');
});
