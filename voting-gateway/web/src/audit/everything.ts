/**
 * Everything that a browser can verify of an election without believing the gateway: the board as a quorum has signed it, the ledger that the
 * bundle shows, every entry by the rules, every proof of every sealed ballot, the sums, their decryption, and the result that is published.
 */
import { hex, Malformed } from '../ballot/codec';
import { definition as definitionCodec, type Definition } from '../ballot/definition';
import type { Trusted } from '../ballot/finality';
import type { Epoch } from '../ballot/genesis';
import type { Aggregate } from '../sealing/tally';
import { type Ask, type Checkpoint, type Entries, readCheckpoint, readEntries, readHashes } from './board';
import { type Bundle, readBundle } from './bundle';
import type { ElectionReplay } from './election';
import { PHASES } from './entries';
import { type Check, Fault, require } from './fault';
import { digestOf } from './hashing';
import { ballotsIn, codeIn, replayLedger } from './ledger';
import { relied } from './relied';
import { comparePublished, compareReport, type Published } from './result';
import { addUpSealed, decryptionOf, sumsOf } from './seals';
import { addUp, type Sums } from './selection';

/** A height that is of whoever is in office now. */
const NOW = (1n << 64n) - 1n;
/** Ballots come in while the board is read: it is read again, so often. */
const TRIES = 3;

/** What is verified. */
export interface Asked {
  id: string;
  chain: string;
  /** The election as the reader was shown it: the one verified must be this one. */
  definition: Definition;
  /** Where it stands, as the reader was shown it. */
  phase: string;
  trusted: Trusted;
}

export interface Progress {
  check: Check;
  done: number;
  of: number;
}

/** Tells how far it is, and lets others work meanwhile. */
export type Tell = (progress: Progress) => Promise<void>;

/** What was found to hold. */
export interface Verified {
  /** Digest of the genesis that it was judged by. */
  genesis: string;
  /** Who has signed the board, of how many. */
  signers: string[];
  authorities: number;
  onBoard: number;
  /** What only those see who may see the ballots. */
  ledger: VerifiedLedger | null;
}

export interface VerifiedLedger {
  phase: string;
  blocks: number;
  voters: number;
  ballots: number;
  counted: number;
  sealed: boolean;
  tests: number;
  /** Trustees whose parts hold. */
  parts: number;
  /** Sums by contest and option, in the order of the definition; none before the authorities have certified the count. */
  totals: { options: number[]; blank: number }[] | null;
  /** Whether the figures that the gateway shows were compared; before the result is public, not everyone may see them. */
  compared: boolean;
}

/** What was verified, and what a trustee decrypts. */
export interface Outcome {
  verified: Verified;
  replay: ElectionReplay | null;
  sums: Aggregate | null;
}

export async function verifyEverything(asked: Asked, ask: Ask, tell: Tell): Promise<Outcome> {
  const { genesis, epochs } = await relied(asked.trusted, 'board');
  require(epochs.chains.includes(asked.chain), 'board', 'other_network');
  const epoch = epochs.at(NOW);
  const step = (check: Check, done: number, of: number): Promise<void> => tell({ check, done, of });
  let board = await readBoard(asked, ask, epoch, step);
  const said = { genesis, authorities: epoch.authorities.length };
  const verified = (ledger: VerifiedLedger | null): Verified => ({ ...said, signers: board.checkpoint.signers, onBoard: board.checkpoint.size, ledger });
  const hashesOnly: Outcome = { verified: verified(null), replay: null, sums: null };
  // Sealed ballots are shown to everyone, so that nothing is hidden behind this.
  const isSealed = asked.definition.sealing !== undefined;
  if (board.entries === null) {
    require(!isSealed, 'board', 'wrong_tile');
    return hashesOnly;
  }

  await step('ledger', 0, 1);
  const bytes = await ask(`/elections/${asked.id}/bundle`);
  if (bytes === null && !isSealed && board.checkpoint.size === 0) return hashesOnly;
  require(bytes !== null, 'ledger', 'no_bundle');
  const bundle = parsed(bytes);
  const shown = ballotsIn(bundle);
  for (let tries = 1; tries < TRIES && board.fault === null && board.checkpoint.size < shown.length; tries += 1) board = await readBoard(asked, ask, epoch, step);
  if (board.fault) throw named(board.fault, wrongOn(board, shown));

  // Where the two differ, what a quorum has certified tells which of them lies.
  const replay = await replayLedger(bundle, { id: asked.id, chain: asked.chain, genesis }, (done, of) => step('ledger', done, of)).catch((error: unknown) => {
    throw error instanceof Fault ? named(error, missingIn(shown, board)) : error;
  });
  require(rank(replay.phase) >= rank(asked.phase), 'ledger', 'older_bundle', { detail: replay.phase });
  compareBoard(board, shown);
  if (replay.phase !== 'open' && board.checkpoint.size > shown.length) throw named(new Fault('complete', 'not_in_ledger'), missingIn(shown, board));
  const { definition } = replay;
  require(definition !== null && sameDefinition(definition, asked.definition), 'life', 'other_definition');
  const { sums, tally, parts } = await counted(replay, definition, step);
  const isCertified = replay.report !== null;
  let compared = false;
  if (isCertified) {
    await step('result', 0, 1);
    require(tally !== null, 'decryption', 'not_decrypted');
    require(bundle.closing.report !== null, 'result', 'no_report');
    compareReport(bundle.closing.report, replay, definition, tally);
    const published = await ask(`/elections/${asked.id}/results`);
    if (published) comparePublished(publishedIn(published), replay, definition, tally);
    compared = published !== null;
  } else require(bundle.closing.report === null, 'result', 'early_report');
  const ledger: VerifiedLedger = {
    phase: replay.phase,
    blocks: bundle.blocks.length,
    voters: replay.voters.size,
    ballots: replay.ballots.size,
    counted: replay.voted.length,
    sealed: definition.sealing !== undefined,
    tests: replay.challenged.size,
    parts,
    totals: isCertified && tally ? tally.map(({ options, blank }) => ({ options: options.map(Number), blank: Number(blank) })) : null,
    compared,
  };
  return { verified: verified(ledger), replay, sums };
}

interface Board {
  checkpoint: Checkpoint;
  /** Hashes of the entries as the tiles have them. */
  hashes: string[];
  entries: Entries | null;
  /** What is wrong with it; thrown once it can be named. */
  fault: Fault | null;
}

async function readBoard({ id, chain }: Asked, ask: Ask, epoch: Epoch, step: (check: Check, done: number, of: number) => Promise<void>): Promise<Board> {
  await step('board', 0, 1);
  const board = `/board/${id}`;
  const note = await ask(`${board}/checkpoint`);
  require(note !== null, 'board', 'no_checkpoint');
  const checkpoint = readCheckpoint(new TextDecoder().decode(note), `voting/${chain}/${id}`, epoch);
  const { hashes, holds } = await readHashes(ask, board, checkpoint);
  const entries = await readEntries(ask, board, hashes, (done) => step('board', done, checkpoint.size));
  const fault = !holds ? new Fault('board', 'wrong_root') : entries && entries.wrong !== null ? new Fault('board', 'wrong_entry', { detail: String(entries.wrong + 1) }) : null;
  if (fault && entries === null) throw fault;
  return { checkpoint, hashes: hashes.map(hex), entries, fault };
}

/** The bundle that the gateway shows, before anything of it is believed. */
export function parsed(bytes: Uint8Array): Bundle {
  try {
    return readBundle(bytes);
  } catch (error) {
    if (error instanceof Malformed) throw new Fault('ledger', 'malformed_bundle', { detail: error.message });
    throw error;
  }
}

type Shown = { leaf: string; code: string }[];

/** The code of the first ballot that is wrong on a board, as the bundle has it. */
function wrongOn({ hashes, entries }: Board, shown: Shown): string[] {
  const at = entries?.wrong ?? hashes.findIndex((hash, place) => hash !== shown[place]?.leaf);
  return shown[at] ? [shown[at].code] : [];
}

/** The board has the ballots of a certified ledger, in their order; newer ones may have come since. Says which it has not. */
function compareBoard(board: Board, shown: Shown): void {
  const { hashes } = board;
  const known = new Set(hashes);
  const missing = shown.filter(({ leaf }) => !known.has(leaf));
  if (missing.length > 0) throw named(new Fault('board', 'left_out', { detail: String(missing.length) }), missing.map(({ code }) => code));
  const at = shown.findIndex(({ leaf }, place) => leaf !== hashes[place]);
  if (at < 0) return;
  const extra = missingIn(shown, board);
  throw named(new Fault('complete', 'not_in_ledger'), extra.length > 0 ? extra : [shown[at]?.code ?? '']);
}

/** Codes of ballots that stand on the board and not in the bundle. */
function missingIn(shown: Shown, { entries, hashes }: Board): string[] {
  const known = new Set(shown.map(({ leaf }) => leaf));
  return (entries?.entries ?? []).flatMap((entry, at) => (known.has(hashes[at] ?? '') ? [] : [codeIn(entry)]));
}

const rank = (phase: string): number => PHASES.findIndex((known) => known === phase);

function named(fault: Fault, codes: readonly string[]): Fault {
  fault.ballots = [...new Set([...fault.ballots, ...codes])].filter((code) => code !== '');
  return fault;
}

function sameDefinition(one: Definition, other: Definition): boolean {
  try {
    return digestOf('voting/election/v1', definitionCodec, one) === digestOf('voting/election/v1', definitionCodec, other);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

interface Counted {
  sums: Aggregate | null;
  /** In clear, where that can be known. */
  tally: Sums[] | null;
  parts: number;
}

async function counted(replay: ElectionReplay, definition: Definition, step: (check: Check, done: number, of: number) => Promise<void>): Promise<Counted> {
  const { seal } = replay;
  if (!definition.sealing) {
    await step('sums', 0, 1);
    const ballots = replay.voted.flatMap(({ counted, weight }) => (counted ? [{ weight, selections: counted.ballot.selections }] : []));
    return { sums: null, tally: addUp(definition.contests, ballots), parts: 0 };
  }
  if (!seal) return { sums: null, tally: null, parts: 0 };
  const sums = await addUpSealed(replay, seal, (done, of) => step('seals', done, of));
  await step('decryption', 0, 1);
  const decryption = decryptionOf(replay, seal, definition.sealing, sums);
  return { sums, tally: decryption && sumsOf(definition, sums, decryption), parts: replay.parts.length };
}

function publishedIn(bytes: Uint8Array): Published {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Published;
  } catch {
    throw new Fault('result', 'shown_report');
  }
}
