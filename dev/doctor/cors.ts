import { type Checks, fail, ok, warn } from './check.ts';
import { send } from './http.ts';

const FOREIGN_ORIGIN = 'https://doctor.invalid';
const RULE = 'give the bucket the rule of deploy/cors.json, with the origins of BULLION_CORS_ORIGINS';

/** Whether pages of the allowed origins may send parts and read what the store answers, and others may not. */
export async function* corsChecks(url: string, origins: readonly string[], part: Uint8Array): Checks {
  for (const origin of origins) {
    const asked = await preflight(url, origin);
    const answer = await send(url, {
      method: 'PUT',
      body: new Uint8Array(part),
      headers: { Origin: origin },
    });
    const exposed = (answer.headers.get('Access-Control-Expose-Headers') ?? '').toLowerCase();
    const fault =
      answer.fault ??
      (!allows(asked, origin)
        ? `a page of ${origin} may not send parts`
        : !exposed.split(',').some((name) => ['etag', '*'].includes(name.trim())) &&
          `a page of ${origin} may not read the ETag of a part`);
    yield fault ? fail('CORS', fault, RULE) : ok('CORS', `a page of ${origin} may send parts and read ETags`);
  }
  const foreign = await preflight(url, FOREIGN_ORIGIN);
  if (allows(foreign, FOREIGN_ORIGIN)) {
    yield warn('CORS', 'a page of any origin may send parts to a URL that it got hold of', RULE);
  } else {
    yield ok(
      'CORS',
      `a page of another origin${origins.length === 0 ? ', and so any page,' : ''} is refused`,
    );
  }
}

const preflight = (url: string, origin: string) =>
  send(url, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'content-md5',
    },
  });

function allows({ status, headers }: { status: number; headers: Headers }, origin: string): boolean {
  const allowed = headers.get('Access-Control-Allow-Origin');
  const methods = headers.get('Access-Control-Allow-Methods') ?? '';
  return status > 0 && status < 300 && (allowed === origin || allowed === '*') && /\bPUT\b|\*/.test(methods);
}
