/** The typed client of whoever is signed in: sends the access token, and refreshes it once when it has ended. */
import { session } from '../session';
import { createApi, send } from './http';
import { problemFrom, problemOf } from './problem';

const ENDED = new Set(['not_signed_in', 'session_ended']);

const withToken = (request: Request, token: string | null): Request => {
  const copy = request.clone();
  if (token !== null) copy.headers.set('authorization', `Bearer ${token}`);
  return copy;
};

async function tellsEnd(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body: unknown = await response.clone().json().catch(() => null);
  return typeof body === 'object' && body !== null && 'code' in body && ENDED.has(String(body.code));
}

async function sendSigned(request: Request): Promise<Response> {
  const token = await session.token();
  const response = await send(withToken(request, token));
  if (token === null || !(await tellsEnd(response))) return response;
  const fresh = await session.refresh(token);
  return fresh === null ? response : send(withToken(request, fresh));
}

export const api = createApi(sendSigned);

/** The bytes at a path that is not one of typed answers; null where the caller may not see them. Throws `Problem`. */
export async function bytesAt(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const response = await sendSigned(new Request(new URL(path, location.origin)));
    if (response.status === 403) return null;
    if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw problemFrom(error);
  }
}
