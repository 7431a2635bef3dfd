/** Whether a text is a URL from which the registry may fetch. Where its name leads is decided when it is connected to. */

/** `fault` completes "the URL …". */
export type Judgement =
  | { readonly url: URL; readonly fault?: undefined }
  | { readonly fault: string; readonly url?: undefined };

/** Characters that a URL parser takes out or turns into others, so that two of them may read different hosts. */
const REWRITTEN = /[\u0000-\u0020\u007f\\]/;
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;

/**
 * in: a text of whatever kind; origins (as `URL.origin` writes them) that may speak http. out: the URL without its
 * fragment, which is never sent, or what is wrong with the text, in words that do not repeat it. `closed` are origins
 * that nothing may lead to.
 */
export function judgeDestination(
  text: string,
  trustedOrigins: readonly string[],
  closed: readonly string[] = [],
): Judgement {
  if (REWRITTEN.test(text)) return { fault: 'must not hold blanks, control characters or backslashes' };
  const authority = AUTHORITY.exec(text)?.[1];
  const url = authority === undefined ? undefined : parsed(text);
  if (authority === undefined || url === undefined)
    return { fault: 'must be a URL that begins with https://' };
  if (authority.includes('@')) return { fault: 'must not hold a user name or a password' };
  if (url.protocol !== 'https:' && !hasOrigin(url, trustedOrigins))
    return { fault: 'must begin with https://' };
  if (hasOrigin(url, closed)) return { fault: 'must not lead to the object store' };
  url.hash = '';
  return { url };
}

/** Whether scheme, host and port are together those of one of the origins, exactly. */
export function hasOrigin(url: URL, origins: readonly string[]): boolean {
  return origins.includes(url.origin);
}

function parsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
