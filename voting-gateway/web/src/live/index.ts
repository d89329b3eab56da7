/**
 * Live updates: a client of docs/websocket.md that survives lost connections, other gateways, and gaps.
 */
export type { Listener } from './channel';
export { createLive } from './client';
export type { Timers } from './connection';
export type { LiveClient, LiveOptions, LiveStatus } from './types';
