/** The typed client without a session, and how its answers become values or problems. */
import createClient, { type Client } from 'openapi-fetch';
import { problemFrom, problemOf } from './problem';
import type { paths } from './schema';

/** Longest wait for an answer. The gateway gives up after 30 s. */
const ANSWER_MS = 31_000;

export type Fetch = (request: Request) => Promise<Response>;
export type Api = Client<paths>;

export function createApi(fetcher: Fetch): Api {
  return createClient<paths>({ baseUrl: location.origin, fetch: fetcher });
}

/** Sends a request, giving up when no answer comes. */
export function send(request: Request): Promise<Response> {
  return fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_MS)]) });
}

/** Requests that need no session: signing in, public data, and casting a signed ballot. */
export const publicApi = createApi(send);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The value that a call answers.
 *
 * Throws `Problem` where it answers an error or not at all.
 */
export async function answered<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const answer = await call.catch((error: unknown) => {
    throw problemFrom(error);
  });
  if (!answer.response.ok || answer.data === undefined || answer.data === null) throw problemOf(answer.response, answer.error);
  return answer.data;
}

/** The same for calls that answer nothing. */
export async function done(call: Promise<Answer<unknown>>): Promise<void> {
  const answer = await call.catch((error: unknown) => {
    throw problemFrom(error);
  });
  if (!answer.response.ok) throw problemOf(answer.response, answer.error);
}
