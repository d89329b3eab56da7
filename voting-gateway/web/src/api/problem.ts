/** Everything that can go wrong with a request, under one stable `code`. */
import type { LineError } from './types';

/** Codes of this application beside those of the API. */
export type LocalCode = 'network' | 'timed_out' | 'not_understood';

interface ProblemFields {
  code: string;
  status: number;
  title?: string;
  detail?: string;
  requestId?: string;
  /** Seconds after which to try again. */
  retryAfter?: number;
  lines?: LineError[];
  recordedAt?: string;
  ballotHash?: string;
}

export class Problem extends Error {
  readonly code: string;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;
  readonly lines: LineError[];
  readonly recordedAt: string | undefined;
  readonly ballotHash: string | undefined;

  constructor(fields: ProblemFields) {
    super(fields.detail ?? fields.title ?? fields.code);
    this.name = 'Problem';
    this.code = fields.code;
    this.status = fields.status;
    this.title = fields.title ?? '';
    this.detail = fields.detail ?? '';
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
    this.lines = fields.lines ?? [];
    this.recordedAt = fields.recordedAt;
    this.ballotHash = fields.ballotHash;
  }

  /** Whether no answer came, so that nobody knows what became of the request. */
  get isUnanswered(): boolean {
    return this.status === 0;
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Reads `Retry-After`, which is a number of seconds or a date. */
export function retrySeconds(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}

/** The problem that an answer tells, whatever its body is: a proxy between may answer with anything. */
export function problemOf(response: Response, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return new Problem({
    code: text(fields.code) ?? 'not_understood',
    status: response.status,
    title: text(fields.title) ?? response.statusText,
    detail: text(fields.detail),
    requestId: text(fields.request_id) ?? response.headers.get('x-request-id') ?? undefined,
    retryAfter: retrySeconds(response.headers.get('retry-after')),
    lines: Array.isArray(fields.errors) ? (fields.errors as LineError[]) : [],
    recordedAt: text(fields.recorded_at),
    ballotHash: text(fields.ballot_hash),
  });
}

/** The problem behind anything thrown while asking. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const name = error instanceof Error ? error.name : '';
  const code: LocalCode =
    name === 'TimeoutError' || name === 'AbortError' ? 'timed_out' : name === 'SyntaxError' ? 'not_understood' : 'network';
  return new Problem({ code, status: 0, detail: error instanceof Error ? error.message : String(error) });
}
