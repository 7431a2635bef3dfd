import { describe, expect, test } from 'vitest';
import { hasOrigin, judgeDestination } from '../../../outbound/destination.ts';

const TRUSTED = ['http://127.0.0.1:8788', 'https://inner.example:8443'];
const LISTED = ['https://storage.example', 'https://xn--bcher-kva.example', ...TRUSTED];

const BLANKS = 'must not hold blanks, control characters or backslashes';
const NO_URL = 'must be a URL that begins with https://';
const NOT_HTTPS = 'must begin with https://';
const USER = 'must not hold a user name or a password';

describe('a URL that is fetched from', () => {
  test.each([
    ['https://storage.example/bucket/key?a=b&c=%2F', 'https://storage.example/bucket/key?a=b&c=%2F'],
    ['https://STORAGE.Example/Key', 'https://storage.example/Key'],
    ['HTTPS://storage.example:443/key', 'https://storage.example/key'],
    ['https://storage.example', 'https://storage.example/'],
    ['https://storage.example?x', 'https://storage.example/?x'],
    ['https://storage.example/key?x#part', 'https://storage.example/key?x'],
    ['https://storage.example/a/@b?c=@d', 'https://storage.example/a/@b?c=@d'],
    ['https://bücher.example/key', 'https://xn--bcher-kva.example/key'],
    ['http://127.0.0.1:8788/bucket/key', 'http://127.0.0.1:8788/bucket/key'],
    ['https://inner.example:8443/key', 'https://inner.example:8443/key'],
  ])('%j is fetched as %j, and its origin is on the list', (text, href) => {
    const { url } = judgeDestination(text, TRUSTED);
    expect(url?.href).toBe(href);
    expect(hasOrigin(url!, LISTED)).toBe(true);
  });
});

describe('a URL of another origin', () => {
  test.each([
    ['https://storage.example:444/key', 'https://storage.example:444'],
    ['https://storage.example.:443/key', 'https://storage.example.'],
    ['https://storage.example.evil.example/key', 'https://storage.example.evil.example'],
    ['https://evil.example/storage.example', 'https://evil.example'],
    ['https://evil.example?https://storage.example/', 'https://evil.example'],
    ['https://evil.example#https://storage.example/', 'https://evil.example'],
    ['https://astorage.example/', 'https://astorage.example'],
    ['https://127.0.0.1:8788/', 'https://127.0.0.1:8788'],
    ['https://2130706433/', 'https://127.0.0.1'],
    ['https://0x7f000001/', 'https://127.0.0.1'],
    ['https://0177.0.0.1/', 'https://127.0.0.1'],
    ['https://127.1/', 'https://127.0.0.1'],
    ['https://[::1]:8788/', 'https://[::1]:8788'],
    ['https://[::ffff:127.0.0.1]/', 'https://[::ffff:7f00:1]'],
    ['https://localhost:8788/', 'https://localhost:8788'],
    ['https://storage%2Eexample.evil/', 'https://storage.example.evil'],
    ['https://stor\u0430ge.example/', 'https://xn--storge-6nf.example'],
    ['https://bucher.example/', 'https://bucher.example'],
  ])('%j leads to %j', (text, origin) => {
    const { url } = judgeDestination(text, TRUSTED);
    expect(url?.origin).toBe(origin);
    expect(hasOrigin(url!, LISTED)).toBe(false);
  });
});

describe('what is not fetched from', () => {
  test.each([
    ['', NO_URL],
    ['storage.example/key', NO_URL],
    ['//storage.example/key', NO_URL],
    ['ftp://x/y', NO_URL],
    ['file:///etc/passwd', NO_URL],
    ['data:text/plain,x', NO_URL],
    ['javascript:alert(1)', NO_URL],
    ['blob:https://storage.example/1', NO_URL],
    ['s3://bucket/key', NO_URL],
    ['https:storage.example/key', NO_URL],
    ['https:/storage.example/key', NO_URL],
    ['https:///storage.example/key', NO_URL],
    ['https://', NO_URL],
    ['https://?x', NO_URL],
    ['https://[::1/', NO_URL],
    ['https://storage.example:99999/', NO_URL],
    ['https://a%00b/', NO_URL],
    ['https://1.2.3.256/', NO_URL],
    ['http://storage.example/key', NOT_HTTPS],
    ['http://127.0.0.1:8789/', NOT_HTTPS],
    ['http://127.0.0.1/', NOT_HTTPS],
    ['http://inner.example:8443/', NOT_HTTPS],
    ['http://localhost:8788/', NOT_HTTPS],
    ['http://2130706434:8788/', NOT_HTTPS],
    ['https://user@storage.example/', USER],
    ['https://user:password@storage.example/', USER],
    ['https://storage.example@evil.example/', USER],
    ['https://@storage.example/', USER],
    ['https://:@storage.example/', USER],
    ['https://storage.example:443@evil.example/', USER],
    ['https:\\\\storage.example\\key', BLANKS],
    ['https://evil.example\\@storage.example/', BLANKS],
    [' https://storage.example/', BLANKS],
    ['https://storage.example/ ', BLANKS],
    ['https://stor\tage.example/', BLANKS],
    ['ht\ntps://storage.example/', BLANKS],
    ['https://storage.example/\r\nHost: evil', BLANKS],
    ['https://storage.example/\u0000', BLANKS],
    ['https://storage.example/a b', BLANKS],
  ])('%j', (text, fault) => {
    expect(judgeDestination(text, TRUSTED)).toEqual({ fault });
  });
});
