import { createServer } from 'node:net';
import { Refusal } from './refusal.ts';

/** Tries whether the port can be listened on; throws a Refusal that names the setting when not. */
export async function requireFreePort(
  host: string,
  port: number,
  setting: 'PORT' | 'S3_PORT',
): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen({ host, port, exclusive: true }, listening);
    });
  } catch (error) {
    throw listenRefusal(error, host, port, setting);
  }
  await new Promise((closed) => server.close(closed));
}

/** What a failure to listen means, in one line with the way out; other errors come back as they are. */
export function listenRefusal(
  error: unknown,
  host: string,
  port: number,
  setting: 'PORT' | 'S3_PORT',
): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
    case 'ERR_ADDRESS_IN_USE':
      return new Refusal(
        `port ${port} on ${host} is in use; end the program that listens there or set ${setting} to another port`,
      );
    case 'EACCES':
      return new Refusal(
        `port ${port} on ${host} is not allowed to this user; set ${setting} to one from 1024`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Refusal(`HOST: ${host} is no address of this machine`);
    default:
      return error;
  }
}

/** The URL under which this machine reaches a listener; one on every address is reached over loopback. */
export function reachableUrl(host: string, port: number): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
