import { describe, expect, it } from 'vitest';
import { parseOsRelease } from '../../../inspect/os-release.ts';

const parse = (text: string) => parseOsRelease(Buffer.from(text));

describe('os-release', () => {
  it('gives the fields of a usual file', () => {
    const text = `PRETTY_NAME="Meadow Linux 7.3 (fern)"
NAME="Meadow Linux"
VERSION_ID="7.3"
VERSION_CODENAME=fern
ID=meadow
ID_LIKE="debian ubuntu"
VARIANT_ID=server
HOME_URL="https://example.org/"
`;
    expect(parse(text)).toEqual({
      id: 'meadow',
      versionId: '7.3',
      versionCodename: 'fern',
      prettyName: 'Meadow Linux 7.3 (fern)',
      variantId: 'server',
      idLike: 'debian ubuntu',
    });
  });

  it.each<[string, string, object | undefined]>([
    ['single quotes, in which nothing is escaped', `PRETTY_NAME='a \\" b'`, { prettyName: 'a \\" b' }],
    ['escapes', 'PRETTY_NAME="\\"A\\\\B\\" \\$5 \\`x\\`"', { prettyName: '"A\\B" $5 `x`' }],
    ['a backslash that escapes nothing', 'PRETTY_NAME="a\\nb"', { prettyName: 'a\\nb' }],
    ['a dollar that is not expanded', 'PRETTY_NAME="$HOME"', { prettyName: '$HOME' }],
    ['comments and blank lines', '#ID=no\n\n  \nID=yes\n # ID=no', { id: 'yes' }],
    ['the last of several', 'ID=first\nID=second', { id: 'second' }],
    ['a last line without its end', 'ID=plain', { id: 'plain' }],
    ['lines that end in CR LF', 'ID=plain\r\nVERSION_ID="1"\r\n', { id: 'plain', versionId: '1' }],
    ['names that only end alike', 'MYID=no\nID_X=no\nid=no', undefined],
    ['lines that are none', 'NOT A LINE\n=\nlower="x"\nID', undefined],
    ['a bare value with a blank', 'PRETTY_NAME=two words', undefined],
    ['an open quote', 'PRETTY_NAME="open', undefined],
    ['text after the quotes', 'PRETTY_NAME="a"b', undefined],
    ['an identifier that is none', 'ID="Two Words"\nVERSION_ID=1/2\nVARIANT_ID=x', { variantId: 'x' }],
    ['an empty value', 'ID=\nPRETTY_NAME=""', undefined],
    ['characters beyond ASCII', 'PRETTY_NAME="«Größe» ☃ 日本"', { prettyName: '«Größe» ☃ 日本' }],
    ['what could steer a console', 'PRETTY_NAME="a\u001b[2Jb\u202ec"', { prettyName: 'a[2Jbc' }],
    ['names that objects have', '__PROTO__=x\nCONSTRUCTOR=y', undefined],
    ['a value of 257 bytes', `PRETTY_NAME=${'x'.repeat(257)}`, undefined],
    ['a value of 256 bytes', `PRETTY_NAME=${'x'.repeat(256)}`, { prettyName: 'x'.repeat(256) }],
  ])('reads %s', (_name, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it('replaces bytes that are no UTF-8', () => {
    const text = Buffer.concat([Buffer.from('PRETTY_NAME="a'), Buffer.of(0xff, 0xc3), Buffer.from('b"')]);
    expect(parseOsRelease(text)).toEqual({ prettyName: 'a\ufffd\ufffdb' });
  });
});
