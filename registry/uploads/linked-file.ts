import type { RegistryError } from '../../core/errors.ts';
import {
  FIRST_RANGE,
  type FileJudgement,
  judgeFirstAnswer,
  judgePartAnswer,
  type LinkedFile,
  type RangeAnswer,
  versionCondition,
} from '../../core/linked-file.ts';
import { type ExactBody, exactBody } from '../../outbound/exact-body.ts';
import { FetchFailed, type GetOptions } from '../../outbound/outbound.ts';
import type { Context } from '../context.ts';

/** The link, or what is behind it, will not do: the creation ends with `error`. */
export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
  readonly error: RegistryError;

  constructor(error: RegistryError) {
    super(error.message);
    this.error = error;
  }
}

/** The host did not give what it was asked for, and may do so later. The message names its origin, no more of the link. */
export class LinkUnavailable extends Error {
  override readonly name = 'LinkUnavailable';
  readonly code: 'UNAVAILABLE' | 'DEADLINE_EXCEEDED';

  constructor(code: LinkUnavailable['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Length and version of the file behind a link. Throws LinkRefused, LinkUnavailable. */
export async function findLinkedFile(context: Context, uri: string): Promise<LinkedFile> {
  const { judgement, response } = await getRange(context, uri, judgeFirstAnswer, {
    headers: { Range: FIRST_RANGE },
    timeoutMs: sourceTimeoutMs(context),
  });
  await response.body?.cancel().catch(() => undefined);
  return judgement.file;
}

/**
 * Exactly `length` bytes from `offset` of this version of the file, as they come. The body fails when the host sends
 * nothing for the time of the settings, or another number of bytes; `signal` ends it.
 * Throws LinkRefused, LinkUnavailable.
 */
export async function openLinkedRange(
  context: Context,
  uri: string,
  file: LinkedFile,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<ExactBody> {
  const stallMs = sourceTimeoutMs(context);
  const judge = (answer: RangeAnswer) => judgePartAnswer(answer, file, offset, length);
  const { response } = await getRange(context, uri, judge, {
    headers: { Range: `bytes=${offset}-${offset + length - 1}`, ...versionCondition(file) },
    timeoutMs: stallMs,
    signal,
  });
  return exactBody(response, { origin: new URL(uri).origin, sizeBytes: length, stallMs, signal });
}

/** What a failed transfer means to the creation that waits for it. */
export function linkUnavailable(failure: FetchFailed): LinkUnavailable {
  const late = failure.reason === 'timeout' || failure.reason === 'stalled' || failure.reason === 'slow';
  return new LinkUnavailable(late ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE', failure.message);
}

async function getRange(
  context: Context,
  uri: string,
  judge: (answer: RangeAnswer) => FileJudgement,
  { headers, ...options }: GetOptions,
) {
  let response: Response;
  try {
    response = await context.outbound.get(uri, {
      ...options,
      headers: { ...headers, 'Accept-Encoding': 'identity' },
    });
  } catch (error) {
    throw error instanceof FetchFailed ? linkUnavailable(error) : error;
  }
  const judgement = judge({ status: response.status, header: (name) => response.headers.get(name) });
  if (judgement.kind === 'file') return { judgement, response };
  await response.body?.cancel().catch(() => undefined);
  if (judgement.kind === 'refused') throw new LinkRefused(judgement.error);
  throw new LinkUnavailable('UNAVAILABLE', `${new URL(uri).origin} ${judgement.reason}`);
}

function sourceTimeoutMs({ settings }: Context): number {
  return settings.BULLION_SOURCE_TIMEOUT_SECONDS * 1000;
}
