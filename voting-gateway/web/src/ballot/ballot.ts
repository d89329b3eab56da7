/**
 * Ballots (section 10 of the specification): what a voter says, bound to one election, one key and one sequence number, and
 * signed. Everything known about a ballot follows from its bytes. In a sealed election what is said was sealed before, by
 * `../sealing`; the ballot around it is the same.
 */
import { toBase64 } from './base64';
import { codeOfHash } from './code';
import {
  type Codec,
  concat,
  constant,
  decode,
  encode,
  enumeration,
  fixed,
  Malformed,
  struct,
  u16,
  u32,
  vec,
} from './codec';
import { contextOf, type Definition } from './definition';
import { digest, parts, tagged } from './hash';
import type { VoterKey } from './key';
import { type SealedSelection, sealedSelection } from './sealed';

/** What a voter says in one contest, as the API writes it; options by place, from 0, rankings best first. */
export type Selection = 'blank' | { marks: number[] } | { scores: [number, number][] } | { ranking: number[][] };

/** What stands for it on a ballot: the same, or what nobody can read. */
export type Said = Selection | { sealed: SealedSelection };

/** What a ballot is bound to. */
export interface BallotContext {
  electionId: string;
  /** `context` of the election, in hexadecimal. */
  context: string;
  /** `chain` of the election, in hexadecimal. */
  chain: string;
  /** 1 for the first ballot; higher for each that replaces an earlier one. */
  sequence: number;
  /** What the voter was shown. If given, the context must be that of this very definition in this chain. */
  definition?: Definition;
}

/** The content of a ballot: what is signed. */
export interface BallotContent {
  election: string;
  /** What it is bound to: one definition in one chain; in a sealed election also its key and everything behind that. */
  context: string;
  voter: string;
  sequence: number;
  selections: Said[];
}

/** A ballot that is signed and may be sent, as often as need be: the same bytes count once. */
export interface SealedBallot {
  electionId: string;
  /** What is sent: content and signature. */
  bytes: Uint8Array;
  base64: string;
  /** Identity of the content. */
  hash: string;
  /** The same for people. */
  code: string;
  selections: Said[];
  /** The key that signed it. */
  voter: string;
  madeAt: string;
}

/** Why no ballot could be made. */
export class BallotError extends Error {
  override readonly name = 'BallotError';

  constructor(
    readonly code: 'invalid_context' | 'wrong_context' | 'invalid_selection' | 'too_large',
    detail: string,
  ) {
    super(detail);
  }
}

const TAG = 'voting/ballot/v1';
/** Longest ballot in bytes. */
export const MAX_BALLOT_BYTES = 61_440;
const SIGNATURE_BYTES = 64;
const MAX_CONTESTS = 50;
/** Set where an option shares the rank of the one before it. */
const SHARED = 0x8000;
/** A rank that nobody is given. */
const SKIPPED = 0x7fff;

const ranking: Codec<number[][]> = {
  read(from) {
    const tiers: number[][] = [];
    for (const entry of vec(u16).read(from)) {
      const option = entry & ~SHARED;
      if ((entry & SHARED) === 0) tiers.push(option === SKIPPED ? [] : [option]);
      else if (option === SKIPPED || !tiers.at(-1)?.length) throw new Malformed('a rank is shared with nobody');
      else tiers.at(-1)?.push(option);
    }
    return tiers;
  },
  write(to, tiers) {
    const said = tiers.slice(0, tiers.findLastIndex((tier) => tier.length > 0) + 1);
    const entries = said.map((tier) => [...tier].sort((one, other) => one - other));
    vec(u16).write(
      to,
      entries.flatMap((tier) =>
        tier.length === 0 ? [SKIPPED] : tier.map((option, at) => (at > 0 ? option | SHARED : option)),
      ),
    );
  },
};

const score: Codec<[number, number]> = {
  read: (from) => [u16.read(from), u16.read(from)],
  write(to, [option, points]) {
    u16.write(to, option);
    u16.write(to, points);
  },
};

const selection: Codec<Said> = enumeration<Said>(
  [
    constant('blank'),
    struct<{ marks: number[] }>({ marks: vec(u16) }),
    struct<{ scores: [number, number][] }>({ scores: vec(score) }),
    struct<{ ranking: number[][] }>({ ranking }),
    struct<{ sealed: SealedSelection }>({ sealed: sealedSelection }),
  ],
  (said) => (said === 'blank' ? 0 : 'marks' in said ? 1 : 'scores' in said ? 2 : 'ranking' in said ? 3 : 4),
);

export const ballotContent: Codec<BallotContent> = struct<BallotContent>({
  election: fixed(16),
  context: fixed(32),
  voter: fixed(32),
  sequence: u32,
  selections: vec(selection),
});

/** Makes a ballot and signs it. Options may be named in any order; the order of ranks is kept. */
export async function makeBallot(
  context: BallotContext,
  key: VoterKey,
  selections: Selection[],
): Promise<SealedBallot> {
  await checkContext(context);
  if (selections.length < 1 || selections.length > MAX_CONTESTS) {
    throw new BallotError(
      'invalid_selection',
      `${selections.length} selections, there must be one for each of 1 to ${MAX_CONTESTS} contests`,
    );
  }
  return signBallot(
    {
      election: context.electionId,
      context: context.context,
      voter: key.publicKey,
      sequence: context.sequence,
      selections: selections.map(canonical),
    },
    key,
  );
}

/** What the voter signs of a ballot. */
export const signedBytes = (content: BallotContent): Uint8Array<ArrayBuffer> => tagged(TAG, ballotContent, content);

/** Signs a ballot with the key that it names, to be sent. */
export async function signBallot(content: BallotContent, key: VoterKey): Promise<SealedBallot> {
  if (content.voter !== key.publicKey)
    throw new BallotError('invalid_context', 'the ballot is made for another key than the one that signs it');
  const bytes = encode(ballotContent, content);
  if (bytes.length > MAX_BALLOT_BYTES)
    throw new BallotError('too_large', `${bytes.length} bytes, at most ${MAX_BALLOT_BYTES} are allowed`);
  const signature = await key.sign(signedBytes(content));
  return openBallot(concat(bytes, signature), new Date().toISOString());
}

/** Reads a signed ballot from its bytes; throws `Malformed` on any others. */
export async function openBallot(bytes: Uint8Array, madeAt: string): Promise<SealedBallot> {
  const said = decode(ballotContent, bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES)), MAX_BALLOT_BYTES);
  const hash = await digest(TAG, ballotContent, said);
  return {
    electionId: said.election,
    bytes,
    base64: toBase64(bytes),
    hash,
    code: codeOfHash(hash),
    selections: said.selections,
    voter: said.voter,
    madeAt,
  };
}

/** Hash of the ledger's entry that casts a signed ballot. */
export function entryHash(signedBallot: Uint8Array): Promise<string> {
  return parts('voting/entry/v1', Uint8Array.of(2), signedBallot);
}

async function checkContext({ electionId, context, chain, sequence, definition }: BallotContext): Promise<void> {
  const hexadecimal = (text: string, bytes: number) => text.length === 2 * bytes && /^[0-9a-f]*$/.test(text);
  if (!hexadecimal(electionId, 16) || !hexadecimal(context, 32) || !hexadecimal(chain, 32)) {
    throw new BallotError(
      'invalid_context',
      'election, context and chain are 32, 64 and 64 lower-case hexadecimal digits',
    );
  }
  if (!Number.isInteger(sequence) || sequence < 1 || sequence > 0xffff_ffff) {
    throw new BallotError('invalid_context', `the sequence is ${sequence}, it must be a whole number from 1`);
  }
  if (definition && (definition.id !== electionId || (await contextOf(definition, chain)) !== context)) {
    throw new BallotError('wrong_context', 'the ballot would be bound to another election than the one shown');
  }
}

/** The one form of what was said. */
function canonical(said: Selection): Selection {
  if (said === 'blank') return said;
  if ('marks' in said) return { marks: options(said.marks) };
  if ('scores' in said) {
    const scores = [...said.scores].sort(([one], [other]) => one - other);
    options(scores.map(([option]) => option));
    if (!scores.every(([, points]) => isU16(points)))
      throw new BallotError('invalid_selection', 'a score is no whole number');
    return { scores };
  }
  options(said.ranking.flat());
  return { ranking: said.ranking.map(options) };
}

/** Options ascending, each a place and named once. */
function options(named: number[]): number[] {
  const ascending = [...named].sort((one, other) => one - other);
  if (ascending.length === 0)
    throw new BallotError('invalid_selection', 'nothing is named; blank is written as blank, and no rank is skipped');
  if (!ascending.every((option) => isU16(option) && option < SKIPPED))
    throw new BallotError('invalid_selection', 'an option is no place');
  if (ascending.some((option, at) => option === ascending[at - 1]))
    throw new BallotError('invalid_selection', 'an option is named twice');
  return ascending;
}

function isU16(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}
