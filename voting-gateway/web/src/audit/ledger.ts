/** The ledger that a bundle shows (docs/SPEC.md, section 18): blocks that a quorum has certified, and the election that their entries make. */
import { codeOfHash } from '../ballot/code';
import { hex, Malformed, unhex } from '../ballot/codec';
import { stateRoot } from '../ballot/election';
import { Epochs, finalizes, NotProved, signatureFault } from '../ballot/epochs';
import { genesis as genesisCodec } from '../ballot/genesis';
import { blockHash, follows, type Header } from '../ballot/ledger';
import { verify as verifySignature } from '../ballot/strict';
import { ballotHash } from '../sealing/ballot';
import type { Bundle, BundleBlock } from './bundle';
import { chainOf, ElectionReplay } from './election';
import { decodeEntry, type Entry, signatureOf } from './entries';
import { Fault, require } from './fault';
import { digestOf, leafOf, partsOf, rootOf } from './hashing';

/** Told after each block. */
export type OnBlock = (done: number, of: number) => Promise<void>;

/** The network and election that the bundle must be of. */
export interface Expected {
  id: string;
  chain: string;
  genesis: string;
}

/** Replays the election of a bundle; throws a {@link Fault} at the first thing that does not hold. */
export async function replayLedger({ opening, blocks, closing }: Bundle, expected: Expected, onBlock: OnBlock): Promise<ElectionReplay> {
  const genesis = digestOf('voting/genesis/v1', genesisCodec, opening.genesis);
  require(genesis === expected.genesis, 'ledger', 'other_network');
  require(opening.election === expected.id && chainOf(genesis, opening.partition) === expected.chain, 'ledger', 'other_election');
  const epochs = await provedEpochs(opening, genesis);
  const officers = new Set(opening.genesis.officers.map(({ key }) => key));
  const replay = new ElectionReplay(expected.id, expected.chain, officers, { number: opening.partition, of: opening.genesis.partitions });
  let last: Linked | null = null;
  for (const [at, block] of blocks.entries()) {
    last = await link(block, last, expected.chain, epochs);
    const { header, certificate } = block;
    if (at === blocks.length - 1) require(certificate !== null, 'ledger', 'no_certificate', { height: header.height });
    // The chain of hashes binds every block below to the last one of its epoch: those are the certificates that matter.
    if (certificate && (header.successor !== null || at === blocks.length - 1)) {
      const fault = await signatureFault(certificate, expected.chain, epochs.at(header.height));
      require(fault === null, 'ledger', 'no_quorum', { height: header.height, detail: fault ?? '' });
    }
    replay.begin({ height: header.height, time: header.timestamp, epoch: epochs.at(header.height) }, header.parent.hash);
    for (const own of ownEntries(block)) applyEntry(replay, own, expected, header);
    await onBlock(at + 1, blocks.length);
  }
  await complete(replay, closing.path, last?.header);
  counted(replay, closing.manifest);
  return replay;
}

interface Linked {
  header: Header;
  hash: string;
}

async function provedEpochs({ genesis, handovers }: Bundle['opening'], digest: string): Promise<Epochs> {
  try {
    return await Epochs.proved(genesis, digest, handovers);
  } catch (error) {
    if (error instanceof NotProved) throw new Fault('ledger', 'invalid_genesis', { detail: error.message });
    throw error;
  }
}

/** That a block stands where it says, on the one before, and holds the entries that it shows. */
async function link({ header, certificate, tail, items }: BundleBlock, before: Linked | null, chain: string, epochs: Epochs): Promise<Linked> {
  const at = { height: header.height };
  require(header.chain === chain && header.epoch === epochs.at(header.height).number, 'ledger', 'other_chain', at);
  if (before) require(follows(header, before.header, before.hash), 'ledger', 'broken_link', at);
  else require(items.length > 0 && header.height >= 1n, 'ledger', 'no_entries', at);
  const hashes = items.map((item) => ('foreign' in item ? item.foreign : entryHashOf(item.own)));
  const holds = items.length === 0 || (items.length === header.entries && hex(rootOf(hashes.map((hash) => leafOf(unhex(hash))))) === header.payloadRoot);
  require(holds, 'ledger', 'other_entries', at);
  if (certificate) require(await finalizes(certificate, header, tail), 'ledger', 'other_statement', at);
  else require(header.successor === null && tail.length === 0, 'ledger', 'no_certificate', at);
  return { header, hash: await blockHash(header) };
}

const ownEntries = ({ items }: BundleBlock): Uint8Array[] => items.flatMap((item) => ('own' in item ? [item.own] : []));
const entryHashOf = (bytes: Uint8Array): string => partsOf('voting/entry/v1', bytes);

function applyEntry(replay: ElectionReplay, bytes: Uint8Array, { id, chain }: Expected, { height }: Header): void {
  const entry = read(bytes, height);
  const about = { height, ...(entry.kind === 'cast' ? { ballot: codeOfHash(ballotHash(entry.content)) } : {}) };
  const signed = signatureOf(entry);
  const check = { act: 'life', certify: 'voters', cast: 'ballots', trustee: 'seals', challenge: 'tests' } as const;
  require(signed.chain === null || signed.chain === chain, check[entry.kind], 'wrong_chain', about);
  require(verifySignature(unhex(signed.key), signed.bytes, unhex(entry.signature)), check[entry.kind], 'invalid_signature', about);
  require(signed.election === id, 'ledger', 'other_election', about);
  replay.apply(entry, entryHashOf(bytes));
}

function read(bytes: Uint8Array, height: bigint): Entry {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    if (error instanceof Malformed) throw new Fault('ledger', 'malformed_entry', { height, detail: error.message });
    throw error;
  }
}

/** That no entry is missing, hidden or in another order: the state that a quorum has certified says how it ends. */
async function complete(replay: ElectionReplay, path: Bundle['closing']['path'], last: Header | undefined): Promise<void> {
  require((await stateRoot(replay.summary(), path)) === last?.stateRoot, 'complete', 'other_state');
}

function counted(replay: ElectionReplay, manifest: Bundle['closing']['manifest']): void {
  const voted = BigInt(replay.voted.length);
  const same =
    manifest.acts === BigInt(replay.acts) &&
    manifest.certifications === BigInt(replay.certifications) &&
    manifest.ballots === BigInt(replay.ballots.size) &&
    manifest.rollSize === replay.rollSize &&
    manifest.certified === BigInt(replay.voters.size) &&
    manifest.voted === voted &&
    manifest.phase === replay.phase;
  require(same && voted <= BigInt(replay.voters.size) && BigInt(replay.voters.size) <= replay.rollSize, 'complete', 'other_counts');
}

/** The ballots of a bundle with the hashes that the board has of them, in order; before anything of it is believed. */
export function ballotsIn({ blocks }: Bundle): { leaf: string; code: string }[] {
  const CAST = 2;
  return blocks.flatMap(ownEntries).flatMap((bytes) => (bytes[0] === CAST ? [{ leaf: hex(leafOf(bytes)), code: codeIn(bytes) }] : []));
}

/** The code of a ballot in an entry; empty if there is none. */
export function codeIn(bytes: Uint8Array): string {
  try {
    const entry = decodeEntry(bytes);
    return entry.kind === 'cast' ? codeOfHash(ballotHash(entry.content)) : '';
  } catch (error) {
    if (error instanceof Malformed) return '';
    throw error;
  }
}
