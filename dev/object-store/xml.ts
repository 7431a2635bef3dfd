import { S3Error } from './errors.ts';

/** Written XML: text that is already escaped, so that nothing is escaped twice or never. */
export class Xml {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** One element with text or with other elements in it. */
export function element(name: string, content: string | number | boolean | readonly Xml[]): Xml {
  const inner =
    typeof content === 'object' ? content.map((child) => child.text).join('') : escaped(String(content));
  return new Xml(`<${name}>${inner}</${name}>`);
}

/** A whole document, in the namespace that S3's answers have. */
export function document(name: string, content: readonly Xml[]): string {
  const inner = content.map((child) => child.text).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${name}>`;
}

/** Control characters become references as S3 writes them, though XML 1.0 parsers may refuse those. */
function escaped(text: string): string {
  return text.replace(/[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g, (character) => {
    switch (character) {
      case '&':
        return '&amp;';
      case '<':
        return '&lt;';
      case '>':
        return '&gt;';
      case '"':
        return '&quot;';
      default:
        return `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`;
    }
  });
}

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

interface OpenElement extends XmlElement {
  readonly children: OpenElement[];
  text: string;
}

const MAX_DEPTH = 8;
const TOKEN =
  /<\?[^?>]*\?>|<\/([A-Za-z][\w.-]*)\s*>|<([A-Za-z][\w.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads the small documents that clients send: elements and text; attributes are passed over. Declarations,
 * comments and CDATA are not part of any of them and are refused. Throws MalformedXML.
 */
export function parseXml(text: string): XmlElement {
  const root: OpenElement = { name: '', children: [], text: '' };
  const open = [root];
  let position = 0;
  while (position < text.length) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (match === null) throw new S3Error('MalformedXML');
    position = TOKEN.lastIndex;
    const [, closes, opens, , empty, characters] = match;
    const current = open.at(-1)!;
    if (characters !== undefined) {
      current.text += unescaped(characters);
    } else if (opens !== undefined) {
      const child: OpenElement = { name: opens, children: [], text: '' };
      current.children.push(child);
      if (empty === '') open.push(child);
      if (open.length > MAX_DEPTH) throw new S3Error('MalformedXML');
    } else if (closes !== undefined) {
      if (open.length < 2 || current.name !== closes) throw new S3Error('MalformedXML');
      open.pop();
    }
  }
  const [document, ...others] = root.children;
  if (open.length !== 1 || document === undefined || others.length > 0 || root.text.trim() !== '') {
    throw new S3Error('MalformedXML');
  }
  return document;
}

/** The text of the one child with this name. Throws MalformedXML when there is none or more than one. */
export function childText(parent: XmlElement, name: string): string {
  const [child, ...others] = parent.children.filter((candidate) => candidate.name === name);
  if (child === undefined || others.length > 0)
    throw new S3Error('MalformedXML', `${name} has to be there once.`);
  return child.text;
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9A-Fa-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));|&/g, (_, hex, decimal, name) => {
    if (name !== undefined && ENTITIES[name] !== undefined) return ENTITIES[name];
    const codePoint = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    if (!(codePoint <= 0x10ffff)) throw new S3Error('MalformedXML');
    return String.fromCodePoint(codePoint);
  });
}
