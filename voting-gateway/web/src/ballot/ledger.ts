/**
 * Block headers and certificates (sections 11 and 12 of the specification): the parts of the ledger that a receipt shows.
 */
import { type Codec, enumeration, fixed, opt, struct, u16, u32, u64, vec } from './codec';
import { digest, tagged } from './hash';

export interface Preference {
  term: number;
  leader: number;
  since: bigint;
  height: bigint;
  at: bigint;
  until: bigint;
}

export interface Header {
  chain: string;
  epoch: number;
  view: bigint;
  height: bigint;
  parent: { view: bigint; hash: string };
  payloadRoot: string;
  entries: number;
  stateRoot: string;
  timestamp: bigint;
  preference: Preference | null;
  /** Digest of the epoch that follows: this block is the last of its own, or one above that. */
  successor: string | null;
}

export type Statement =
  | { kind: 'notarize'; view: bigint; block: string }
  | { kind: 'skip'; view: bigint }
  | { kind: 'finalize'; view: bigint; block: string };

export interface Certificate {
  statement: Statement;
  signatures: { authority: number; signature: string }[];
}

const hash = fixed(32);

export const header: Codec<Header> = struct<Header>({
  chain: hash,
  epoch: u32,
  view: u64,
  height: u64,
  parent: struct<Header['parent']>({ view: u64, hash }),
  payloadRoot: hash,
  entries: u32,
  stateRoot: hash,
  timestamp: u64,
  preference: opt(struct<Preference>({ term: u32, leader: u16, since: u64, height: u64, at: u64, until: u64 })),
  successor: opt(hash),
});

/** The kind itself is told by the number of the variant. */
function said<K extends 'notarize' | 'finalize'>(kind: K): Codec<{ kind: K; view: bigint; block: string }> {
  return {
    read: (from) => ({ kind, view: u64.read(from), block: hash.read(from) }),
    write(to, { view, block }) {
      u64.write(to, view);
      hash.write(to, block);
    },
  };
}

const skip: Codec<{ kind: 'skip'; view: bigint }> = {
  read: (from) => ({ kind: 'skip', view: u64.read(from) }),
  write: (to, { view }) => u64.write(to, view),
};

export const statement: Codec<Statement> = enumeration<Statement>(
  [said('notarize'), skip, said('finalize')],
  ({ kind }) => ({ notarize: 0, skip: 1, finalize: 2 })[kind],
);

export const certificate: Codec<Certificate> = struct<Certificate>({
  statement,
  signatures: vec(struct<Certificate['signatures'][number]>({ authority: u16, signature: fixed(64) })),
});

export function blockHash(value: Header): Promise<string> {
  return digest('voting/header/v1', header, value);
}

interface SignedStatement {
  chain: string;
  epoch: number;
  statement: Statement;
}

const signedStatement: Codec<SignedStatement> = struct<SignedStatement>({ chain: hash, epoch: u32, statement });

/** What an authority signs. */
export function voteBytes(chain: string, epoch: number, what: Statement): Uint8Array {
  return tagged('voting/vote/v1', signedStatement, { chain, epoch, statement: what });
}

/** Whether a header may stand directly above another whose hash is given (section 11). */
export function follows(child: Header, parent: Header, parentHash: string): boolean {
  return (
    child.parent.view === parent.view &&
    child.parent.hash === parentHash &&
    child.height === parent.height + 1n &&
    child.view > parent.view &&
    child.timestamp > parent.timestamp &&
    preferenceFollows(child, parent.preference) &&
    epochFollows(child, parent)
  );
}

/** The epoch goes on; or it has ended, and the next begins, or nothing happens any more. */
function epochFollows(child: Header, parent: Header): boolean {
  if (parent.successor === null) return child.epoch === parent.epoch;
  return (child.epoch === parent.epoch + 1 && parent.entries > 0) || isTailOf(child, parent);
}

/** Whether a block above the last one of an epoch changes nothing: it only makes that one final. */
export function isTailOf(child: Header, parent: Header): boolean {
  return (
    child.epoch === parent.epoch &&
    child.successor === parent.successor &&
    child.entries === 0 &&
    child.stateRoot === parent.stateRoot &&
    samePreference(child.preference, parent.preference)
  );
}

/** The same preference goes on, or one begins that names this header's own place and the term after. */
function preferenceFollows({ preference, view, height, timestamp }: Header, before: Preference | null): boolean {
  if (samePreference(preference, before)) return true;
  return (
    preference !== null &&
    preference.since === view &&
    preference.height === height &&
    preference.at === timestamp &&
    preference.term === (before?.term ?? 0) + 1
  );
}

function samePreference(one: Preference | null, other: Preference | null): boolean {
  if (!one || !other) return one === other;
  return (Object.keys(one) as (keyof Preference)[]).every((field) => one[field] === other[field]);
}
