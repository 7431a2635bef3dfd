import { Refusal } from './refusal.ts';

const ANSWER_TIMEOUT_MS = 60_000;

/** The registry's API as the demo calls it: each call is printed with its outcome. */
export interface Api {
  readonly url: string;
  /** The answer's JSON, which must have the shape that the caller names; a Refusal with the error's message if not 2xx. */
  call<Answer>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer>;
}

export function connect(url: string, key: string): Api {
  return {
    url,
    async call<Answer>(method: 'GET' | 'POST', path: string, body?: unknown) {
      const response = await request(`${method} ${path}`, `${url}${path}`, {
        method,
        headers: { Authorization: `Api-Key ${key}`, Accept: 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Refusal(`${method} ${path}: ${response.status} ${messageOf(text)}`);
      return JSON.parse(text) as Answer;
    },
  };
}

/** One HTTP request with a time-out, printed as `what` with its status and duration. */
export async function request(what: string, url: string, init: RequestInit): Promise<Response> {
  const began = performance.now();
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? (cause as NodeJS.ErrnoException).code || cause.message : message;
    throw new Refusal(
      `${new URL(url).origin} does not answer (${reason}); start a registry with npm start, or name one with BULLION_URL`,
    );
  }
  console.log(`  ${what} → ${response.status} (${Math.round(performance.now() - began)} ms)`);
  return response;
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return message ?? text;
  } catch {
    return text.slice(0, 500);
  }
}
