export const ANSWER_TIMEOUT_MS = 30_000;

/** What came of a request. */
export interface Sent {
  /** Why nothing answered; undefined when something did. */
  readonly fault: string | undefined;
  /** 0 when nothing answered. */
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One request as a client sends it; its body is read to its end. */
export async function send(url: string, init: RequestInit = {}): Promise<Sent> {
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return {
      fault: undefined,
      status: answer.status,
      headers: answer.headers,
      text: await answer.text(),
    };
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
    return {
      fault: `${new URL(url).origin} does not answer (${reason})`,
      status: 0,
      headers: new Headers(),
      text: '',
    };
  }
}
