import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { S3Error } from './errors.ts';
import { document, element, type Xml } from './xml.ts';

/** An answer. A body is either text or bytes that are made while they are sent. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly bytes?: () => AsyncGenerator<Buffer>;
}

export function xmlReply(name: string, content: readonly Xml[], headers: Record<string, string> = {}): Reply {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml', ...headers },
    text: document(name, content),
  };
}

export function emptyReply(status: number, headers: Record<string, string> = {}): Reply {
  return { status, headers };
}

export function errorReply(error: S3Error, resource: string): Reply {
  if (error.status === 304) return emptyReply(304, { ...error.headers });
  const { status, code, message } = error;
  const content = [element('Code', code), element('Message', message), element('Resource', resource)];
  return {
    status,
    headers: { 'Content-Type': 'application/xml', ...error.headers },
    text: `<?xml version="1.0" encoding="UTF-8"?>\n${element('Error', content).text}`,
  };
}

/** Sends a reply; a slow reader holds back the bytes that are read for it. */
export async function send(reply: Reply, method: string, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(reply.headers)) {
    response.setHeader(name, Buffer.from(value, 'utf8').toString('latin1'));
  }
  response.statusCode = reply.status;
  if (reply.text !== undefined) response.setHeader('Content-Length', Buffer.byteLength(reply.text));
  if (method === 'HEAD' || reply.bytes === undefined) {
    response.end(method === 'HEAD' ? undefined : reply.text);
    return;
  }
  await pipeline(reply.bytes(), response);
}
