import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { projectFolder } from '../../../dev/project.ts';
import { endLeftWorkerd } from '../../../dev/workerd.ts';
import { eventually } from './eventually.ts';
import { atEnd } from './registry.ts';

const READY_TIMEOUT_MS = 30_000;
const EXIT_TIMEOUT_MS = 15_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything it wrote, on both streams. */
  readonly output: string;
  /** From `end` or the start of the wait to the exit. */
  readonly milliseconds: number;
}

/** `npm start` as a process of its own, with what only a process can be tested for. */
export interface StartProcess {
  readonly pid: number;
  readonly state: string;
  readonly url: string;
  output(): string;
  /** Answers once it says that it is ready; throws with its output when it ends before. */
  ready(): Promise<void>;
  /** Sends a signal and waits for the exit. */
  end(signal: NodeJS.Signals): Promise<Exit>;
  exited(): Promise<Exit>;
}

/** Settings of a start; each process gets PORT, S3_PORT and BULLION_STATE. */
export interface StartEnvironment {
  readonly PORT: string;
  readonly S3_PORT: string;
  readonly BULLION_STATE: string;
  readonly [name: string]: string;
}

/** in: `through` is what the test signals: the program itself, or npm, which runs it. */
export function startProcess(env: StartEnvironment, through: 'node' | 'npm' = 'node'): StartProcess {
  const child =
    through === 'npm'
      ? spawn('npm', ['start', '--silent'], spawnOptions(env))
      : spawn(process.execPath, [join('dev', 'run.mjs'), 'start'], spawnOptions(env));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const exited = async (): Promise<Exit> => {
    const began = performance.now();
    await eventually('the end of the process', hasExited, EXIT_TIMEOUT_MS).catch((error) => {
      throw new Error(`${error.message}\n${output}`);
    });
    const milliseconds = performance.now() - began;
    await outputEnded(child);
    return { code: child.exitCode, signal: child.signalCode, output, milliseconds };
  };
  atEnd(async () => {
    if (!hasExited()) child.kill('SIGKILL');
    await exited();
    await endLeftWorkerd(join(env.BULLION_STATE, 'workerd.json'));
  });
  return {
    pid: child.pid!,
    state: env.BULLION_STATE,
    url: `http://127.0.0.1:${env.PORT}`,
    output: () => output,
    exited,
    async ready() {
      await eventually(
        'the line that it is ready',
        () => {
          if (hasExited())
            throw new Error(`ended (${child.exitCode ?? child.signalCode}) before it was ready:\n${output}`);
          return output.includes('Bullion is ready');
        },
        READY_TIMEOUT_MS,
      );
    },
    end(signal) {
      child.kill(signal);
      return exited();
    },
  };
}

/** Two ports that nobody listens on now, and a state folder, for starts that follow one another. */
export async function startEnvironment(state: string): Promise<StartEnvironment> {
  const [port, s3Port] = await freePorts(2);
  return { PORT: String(port), S3_PORT: String(s3Port), BULLION_STATE: state };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { port: number };
      await new Promise((closed) => server.close(closed));
      return port;
    }),
  );
}

/** Nothing of the tests' own environment reaches the process but what programs need to run. */
function spawnOptions(env: StartEnvironment) {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    cwd: projectFolder,
    env: { PATH, HOME, ...(TMPDIR !== undefined && { TMPDIR }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
  };
}

/** The streams end after the exit. They stay open when a grandchild lives on, which is not waited for. */
async function outputEnded(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr];
  await eventually('', () => streams.every((stream) => stream?.readableEnded), 300).catch(() => undefined);
}
