/** Text out of a disk. Whatever is returned is safe to print: `clean` takes out what could steer a console. */

const REPLACEMENT = '\uFFFD';
/** C0, DEL, C1, and the marks that turn or isolate the direction of text. */
const UNPRINTABLE = /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g;

/** Takes out control characters and direction marks: labels and names are anybody's text. */
export function clean(text: string): string {
  return text.replace(UNPRINTABLE, '');
}

/** The bytes up to the first NUL. */
export function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** UTF-8, each byte that does not belong to a well-formed sequence replaced by U+FFFD (RFC 3629). */
export function utf8(bytes: Uint8Array): string {
  let text = '';
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i]!;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    let point = length === 1 ? first : first & (0x7f >> length);
    let well = first < 0x80 || (first >= 0xc2 && first <= 0xf4);
    for (let k = 1; well && k < length; k++) {
      const next = bytes[i + k];
      if (next === undefined || (next & 0xc0) !== 0x80) well = false;
      else point = (point << 6) | (next & 0x3f);
    }
    const overlong = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000);
    if (!well || overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      text += REPLACEMENT;
      i += 1;
    } else {
      text += String.fromCodePoint(point);
      i += length;
    }
  }
  return text;
}

/** The bytes of ASCII or UTF-8 text, for comparing names byte by byte. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else
      bytes.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 0x3f),
        0x80 | ((point >> 6) & 0x3f),
        0x80 | (point & 0x3f),
      );
  }
  return Uint8Array.from(bytes);
}

/** UTF-16 up to the first NUL; a half pair is replaced by U+FFFD, an odd last byte is left out. */
export function utf16(bytes: Uint8Array, order: 'LE' | 'BE'): string {
  let text = '';
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const unit = order === 'LE' ? bytes[i]! | (bytes[i + 1]! << 8) : (bytes[i]! << 8) | bytes[i + 1]!;
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, REPLACEMENT);
}

/** A label of UTF-8 bytes as it may be shown: cut at the first NUL, cleaned, trimmed; `undefined` when empty. */
export function label(bytes: Uint8Array): string | undefined {
  return shown(utf8(untilNul(bytes)));
}

/** A text as it may be shown: cleaned and trimmed; `undefined` when nothing is left. */
export function shown(text: string): string | undefined {
  const result = clean(text).trim();
  return result === '' ? undefined : result;
}
