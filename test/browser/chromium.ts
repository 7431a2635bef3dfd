/** Chromium without a window, for tests: started on a profile of its own, driven through its DevTools protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

const ANSWER_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  // High enough for a long page to be in view as a whole: what is out of view may not be made at all.
  '--window-size=1200,30000',
  // No name but this machine's is found, whatever a page asks for.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  // Keeps a browser without a window open until it is ended.
  '--remote-debugging-pipe',
];

type Fields = Readonly<Record<string, unknown>>;

/** Something that the browser tells by itself. */
export interface BrowserEvent {
  readonly method: string;
  readonly params: Fields;
}

export interface Page {
  /** Everything that was told since the page is there, oldest first. */
  readonly events: readonly BrowserEvent[];
  open(url: string): Promise<void>;
  /** The value of an expression in the page, awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Asks again until the expression is true. `what` completes "did not come: …". */
  until(what: string, expression: string): Promise<void>;
  /** Types into what has the focus. */
  type(text: string): Promise<void>;
}

export interface Chromium {
  newPage(): Promise<Page>;
  /** Ends the browser and the processes that it started, which are one group. */
  end(): Promise<void>;
}

export function startChromium(profile: string): Chromium {
  const browser = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const closed = new Promise<void>((resolve) => browser.once('close', () => resolve()));
  const protocol = new Protocol(browser);
  return {
    async newPage() {
      const { targetId } = await protocol.send<{ targetId: string }>('Target.createTarget', {
        url: 'about:blank',
      });
      const { sessionId } = await protocol.send<{ sessionId: string }>('Target.attachToTarget', {
        targetId,
        flatten: true,
      });
      for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
        await protocol.send(`${domain}.enable`, {}, sessionId);
      return pageOf(protocol, sessionId);
    },
    async end() {
      if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL');
      await closed;
    },
  };
}

function pageOf(protocol: Protocol, sessionId: string): Page {
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await protocol.send<{
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
    if (exceptionDetails === undefined) return result.value;
    throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  };
  return {
    get events() {
      return protocol.events.filter((event) => event.sessionId === sessionId);
    },
    evaluate,
    async open(url) {
      await protocol.send('Page.navigate', { url }, sessionId);
    },
    async until(what, expression) {
      for (const end = Date.now() + ANSWER_TIMEOUT_MS; ; await delay(POLL_MS)) {
        if (await evaluate<boolean>(expression)) return;
        if (Date.now() > end) throw new Error(`did not come within ${ANSWER_TIMEOUT_MS / 1000} s: ${what}`);
      }
    },
    async type(text) {
      await protocol.send('Input.insertText', { text }, sessionId);
    },
  };
}

/** What goes over the two pipes: JSON, with a zero byte behind each message. */
class Protocol {
  readonly events: (BrowserEvent & { readonly sessionId?: string })[] = [];
  readonly #input: Writable;
  readonly #waiting = new Map<number, { done(result: unknown): void; fail(error: Error): void }>();
  #count = 0;
  #unread = '';

  constructor(browser: ChildProcess) {
    this.#input = browser.stdio[3] as Writable;
    this.#input.on('error', () => undefined);
    (browser.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.#read(text));
    browser.once('close', (code, signal) => {
      for (const { fail } of this.#waiting.values()) fail(new Error(`chromium ended (${signal ?? code})`));
      this.#waiting.clear();
    });
  }

  async send<T>(method: string, params: Fields, sessionId?: string): Promise<T> {
    this.#count += 1;
    const id = this.#count;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((done, fail) => {
      this.#waiting.set(id, { done, fail });
      timer = setTimeout(
        () => fail(new Error(`chromium did not answer ${method} within ${ANSWER_TIMEOUT_MS / 1000} s`)),
        ANSWER_TIMEOUT_MS,
      );
    });
    this.#input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    try {
      return (await answer) as T;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split('\0');
    this.#unread = messages.pop() ?? '';
    for (const message of messages) {
      const { id, result, error, ...event } = JSON.parse(message);
      if (id === undefined) this.events.push(event);
      else if (error === undefined) this.#waiting.get(id)?.done(result);
      else this.#waiting.get(id)?.fail(new Error(error.message));
    }
  }
}
