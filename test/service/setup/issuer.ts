import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import { atEnd } from './registry.ts';

/** A key pair of an issuer: what it signs with, and what it publishes. */
export interface IssuerKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function newIssuerKey(alg: string, kid?: string): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, ...(kid !== undefined && { kid }) } };
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** An issuer of tokens on this machine, with as many sets of keys as a test wants. It ends with the test file. */
export interface Issuer {
  readonly origin: string;
  /** Publishes a set of keys under a path, instead of what was there before; out: its URL. */
  publish(path: string, keys: readonly JWK[]): string;
  /** Answers under a path in some other way; out: its URL. */
  serve(path: string, answer: Answer): string;
  /** How often a path was asked for. */
  asked(path: string): number;
}

export async function startIssuer(): Promise<Issuer> {
  const answers = new Map<string, Answer>();
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, request);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  atEnd(() => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const serve = (path: string, answer: Answer) => {
    answers.set(path, answer);
    return origin + path;
  };
  return {
    origin,
    serve,
    publish: (path, keys) => serve(path, (response) => sendJson(response, { keys })),
    asked: (path) => counts.get(path) ?? 0,
  };
}

export function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
