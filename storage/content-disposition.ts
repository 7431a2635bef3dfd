import { percentEncoded } from './percent-encoding.ts';

/**
 * `Content-Disposition` of a download (RFC 6266): an ASCII name that old clients read, and the real one in UTF-8
 * (RFC 8187) when that differs. No name can end the header or add a parameter.
 */
export function attachmentDisposition(fileName: string): string {
  const name = fileName.toWellFormed();
  // A percent sign is replaced too: some browsers decode escapes even in the plain form.
  const plain = name.replace(/[^\x20-\x7e]|["%\\/]/gu, '_');
  return `attachment; filename="${plain}"${plain === name ? '' : `; filename*=UTF-8''${percentEncoded(name)}`}`;
}
