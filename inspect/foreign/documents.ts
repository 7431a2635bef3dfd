/** Text that is uploaded in place of a disk: error pages, manifests, scripts. */
import { hasAscii, hasBytes } from '../readers/bytes.ts';
import { latin1, utf16 } from '../readers/text.ts';
import type { Foreign } from './foreign.ts';

/** How far into a document its kind must show itself. */
const LOOK_BYTES = 4096;

/** HTML, XML of several kinds, JSON and PDF by how they begin, after a byte order mark and blanks. */
export function documentKind(head: Uint8Array): Foreign | undefined {
  const text = textOf(head)
    .replace(/^[ \t\r\n\f]+/, '')
    .toLowerCase();
  if (/^<(!doctype html|html|head|body)[\s>]/.test(text)) return HTML;
  if (/^<(\?xml|(\w+:)?envelope|manifest|importer)/.test(text)) return xmlKind(text);
  if (/^[{[]/.test(text) && /"[^"]*"\s*:/.test(text) && isText(head)) {
    return document('JSON', 'a JSON document', true);
  }
  const pdf = text.slice(0, 1024).indexOf('%pdf-');
  return pdf >= 0 && hasAscii(head, latin1(head.subarray(0, LOOK_BYTES)).indexOf('%PDF-'), '%PDF-')
    ? document('PDF', 'a PDF document', true)
    : undefined;
}

/** The beginning of a text without its byte order mark: UTF-16 by its mark, anything else one character a byte. */
function textOf(head: Uint8Array): string {
  if (hasBytes(head, 0, [0xff, 0xfe])) return utf16(head.subarray(2, LOOK_BYTES), 'LE');
  if (hasBytes(head, 0, [0xfe, 0xff])) return utf16(head.subarray(2, LOOK_BYTES), 'BE');
  const mark = hasBytes(head, 0, [0xef, 0xbb, 0xbf]) ? 3 : 0;
  return latin1(head.subarray(mark, mark + LOOK_BYTES));
}

const HTML: Foreign = {
  detected: 'HTML',
  code: 'NOT_A_DISK',
  message:
    'This is an HTML page; the download was probably an error page, fetch the disk again and upload that.',
};

function xmlKind(text: string): Foreign {
  if (/<!doctype html|<html[\s>]/.test(text)) return HTML;
  if (/<(\w+:)?envelope[\s>]/.test(text)) {
    return document('OVF', 'an OVF description without its disks');
  }
  if (/<(importer|manifest)[\s>]/.test(text) && /<machine_configuration|<import>/.test(text)) {
    return document('AMI_MANIFEST', 'the manifest of a bundled machine image');
  }
  return document('XML', 'an XML document');
}

function document(detected: string, name: string, weak = false): Foreign {
  return { detected, code: 'NOT_A_DISK', message: `This is ${name}; upload a disk image.`, weak };
}

/** A handful of bytes is text by chance. */
const MIN_TEXT_BYTES = 16;

/** Whether the bytes are UTF-8, or UTF-16 with its mark, without control characters other than TAB, LF, FF, CR. */
export function isText(head: Uint8Array): boolean {
  if (head.length < MIN_TEXT_BYTES) return false;
  if (hasBytes(head, 0, [0xff, 0xfe])) return isUtf16(head, 0);
  if (hasBytes(head, 0, [0xfe, 0xff])) return isUtf16(head, 1);
  for (let i = 0; i < head.length; ) {
    const first = head[i]!;
    if (first < 0x80) {
      if (!isTextCharacter(first)) return false;
      i += 1;
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return false;
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    for (let k = 1; k < length; k++) {
      // The head may end within a character.
      if (i + k === head.length) return true;
      if ((head[i + k]! & 0xc0) !== 0x80) return false;
    }
    i += length;
  }
  return true;
}

function isUtf16(head: Uint8Array, low: 0 | 1): boolean {
  for (let i = 2; i + 1 < head.length; i += 2) {
    const unit = head[i + low]! | (head[i + 1 - low]! << 8);
    if (!isTextCharacter(unit)) return false;
  }
  return true;
}

function isTextCharacter(code: number): boolean {
  return (code >= 0x20 && code !== 0x7f) || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
}
