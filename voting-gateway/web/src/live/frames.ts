/**
 * Frames of the live protocol (docs/websocket.md). What comes in is read field by field: a frame of an unknown kind, or one
 * that lacks something, is none.
 */
import { parsePosition, type Position } from './position';

export type ClientFrame =
  | { t: 'hello'; token?: string; resume?: Record<string, string> }
  | { t: 'subscribe'; id: string; ch: string; after?: string }
  | { t: 'unsubscribe'; ch: string }
  | { t: 'auth'; token: string }
  | { t: 'ping' };

export type ServerFrame =
  | { t: 'welcome' }
  | { t: 'snapshot'; ch: string; pos: Position; data: unknown }
  | { t: 'event'; ch: string; prev: Position; pos: Position; type: string; data: unknown }
  | { t: 'reset'; ch: string }
  | { t: 'error'; id?: string; ch?: string; code: string; detail: string; retry: boolean }
  | { t: 'token_expiring' }
  | { t: 'pong' };

/** Those that are about a channel. */
export type ChannelFrame = Extract<ServerFrame, { ch?: string }>;

const VERSION = 1;
/** Far above what a gateway sends; a text beyond it is not worth parsing. */
const MAX_CHARACTERS = 16 << 20;

export function writeFrame(frame: ClientFrame): string {
  return JSON.stringify({ v: VERSION, ...frame });
}

/** The frame in a message, or null. */
export function parseFrame(message: unknown): ServerFrame | null {
  const fields = objectIn(message);
  if (!fields || fields.v !== VERSION) return null;
  const { t, id, ch, code, detail, type, data } = fields;
  switch (t) {
    case 'welcome':
    case 'token_expiring':
    case 'pong':
      return { t };
    case 'reset':
      return isText(ch) ? { t, ch } : null;
    case 'snapshot': {
      const pos = parsePosition(fields.pos);
      return isText(ch) && pos && data !== undefined ? { t, ch, pos, data } : null;
    }
    case 'event': {
      const pos = parsePosition(fields.pos);
      const prev = parsePosition(fields.prev);
      return isText(ch) && isText(type) && pos && prev && data !== undefined ? { t, ch, prev, pos, type, data } : null;
    }
    case 'error':
      if (!isText(code)) return null;
      return {
        t,
        code,
        detail: isText(detail) ? detail : '',
        retry: fields.retry === true,
        ...(isText(id) && { id }),
        ...(isText(ch) && { ch }),
      };
    default:
      return null;
  }
}

function objectIn(message: unknown): Record<string, unknown> | null {
  if (!isText(message) || message.length > MAX_CHARACTERS) return null;
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
