/**
 * The public board (docs/board.md): a checkpoint that a quorum has signed, tiles of hashes that lead to its root, and the entries under
 * them.
 */
import { sha256 } from '@noble/hashes/sha2.js';

import { fromBase64, toBase64 } from '../ballot/base64';
import { concat, equal, Malformed, unhex } from '../ballot/codec';
import type { Epoch } from '../ballot/genesis';
import { verify } from '../ballot/strict';
import { Fault, require } from './fault';
import { leafOf, rootOf } from './hashing';

const TILE_WIDTH = 256;
const HASH_BYTES = 32;
/** Type 01: a signature over the text of the note. */
const OF_TEXT = 1;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const MAX_LOG = 1 << 24;

export interface Checkpoint {
  size: number;
  /** In base64, as it stands there. */
  root: string;
  /** Names of the authorities that have signed. */
  signers: string[];
}

/** Bytes at an address of the gateway; null where this reader may not see them. */
export type Ask = (path: string) => Promise<Uint8Array | null>;

/** The id of an authority's key for a log. */
export function keyId(origin: string, key: Uint8Array): Uint8Array {
  return sha256(concat(new TextEncoder().encode(`${origin}\n`), Uint8Array.of(OF_TEXT), key)).subarray(0, ID_BYTES);
}

/** Reads a checkpoint of this log; a quorum of the authorities must have signed it. */
export function readCheckpoint(note: string, origin: string, { authorities, quorum }: Epoch): Checkpoint {
  const wrong = (code: string, detail?: string) => new Fault('board', code, { detail });
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) throw wrong('malformed_checkpoint');
  const text = note.slice(0, at + 1);
  const [named, digits = '', root = ''] = text.split('\n');
  if (named !== origin) throw wrong('wrong_log');
  if (!/^(0|[1-9]\d{0,7})$/.test(digits) || Number(digits) > MAX_LOG || !/^[A-Za-z0-9+/]{43}=$/.test(root)) throw wrong('malformed_checkpoint');
  const signatures = note.slice(at + 2, -1).split('\n').flatMap((line) => {
    const [, name, content] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    return name === origin && content !== undefined ? [signatureIn(content)] : [];
  });
  const signed = new TextEncoder().encode(text);
  const signers = authorities.filter(({ key }) => {
    const id = keyId(origin, unhex(key));
    return signatures.some((one) => one !== null && equal(one.subarray(0, ID_BYTES), id) && verify(unhex(key), signed, one.subarray(ID_BYTES)));
  });
  if (signers.length < quorum) throw wrong('checkpoint_quorum', `${signers.length} of ${quorum}`);
  return { size: Number(digits), root, signers: signers.map(({ name }) => name) };
}

/** Null for signatures of another kind. */
function signatureIn(content: string): Uint8Array | null {
  try {
    const bytes = fromBase64(content, 256);
    return bytes.length === ID_BYTES + SIGNATURE_BYTES ? bytes : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/** The path of a tile: `tile/0/x001/234.p/56`. */
function tilePath(level: string, index: number, width: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Tiles of a log of a size: index and width. */
const tilesOf = (size: number): [number, number][] =>
  Array.from({ length: Math.ceil(size / TILE_WIDTH) }, (_, index) => [index, Math.min(TILE_WIDTH, size - index * TILE_WIDTH)]);

/** The hashes of all entries, in order, and whether they lead to the checkpoint's root. */
export async function readHashes(ask: Ask, board: string, { size, root }: Checkpoint): Promise<{ hashes: Uint8Array[]; holds: boolean }> {
  const hashes: Uint8Array[] = [];
  for (const [index, width] of tilesOf(size)) {
    const bytes = await ask(`${board}/${tilePath('0', index, width)}`);
    require(bytes !== null && bytes.length === width * HASH_BYTES, 'board', 'wrong_tile', { detail: tilePath('0', index, width) });
    for (let at = 0; at < width; at += 1) hashes.push(bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  }
  return { hashes, holds: toBase64(rootOf(hashes)) === root };
}

export interface Entries {
  /** Those that are as signed, from the first on. */
  entries: Uint8Array[];
  /** Place, from 0, of the first that is not the one signed. */
  wrong: number | null;
}

/** The entries, each compared with its hash; null if this reader may not see them. */
export async function readEntries(ask: Ask, board: string, hashes: readonly Uint8Array[], onRead: (done: number) => Promise<void>): Promise<Entries | null> {
  const entries: Uint8Array[] = [];
  for (const [index, width] of tilesOf(hashes.length)) {
    const bytes = await ask(`${board}/${tilePath('entries', index, width)}`);
    if (bytes === null) return null;
    for (const entry of split(bytes)) {
      const at = entries.length;
      const expected = hashes[at];
      if (!expected || at >= index * TILE_WIDTH + width || !equal(leafOf(entry), expected)) return { entries, wrong: at };
      entries.push(entry);
    }
    if (entries.length < index * TILE_WIDTH + width) return { entries, wrong: entries.length };
    await onRead(entries.length);
  }
  return { entries, wrong: null };
}

/** Entries of a tile, each after its length in two bytes, the higher first; what is cut off is left out. */
function split(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    if (at + 2 + length > bytes.length) break;
    entries.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}
