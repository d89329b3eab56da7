/**
 * What a quorum has certified of an election (section 16 of the specification), above all what its ballots are bound to:
 *
 *   summary ─path─▶ state root ─parent hashes─▶ certified header ◀─ quorum
 */
import { fromBase64 } from './base64';
import { type Codec, concat, decode, enumeration, fixed, names, struct, u32, u64, unhex, vec } from './codec';
import { ends, type FinalityReason, linked, MAX_PROOF_BYTES, read, Refused, relyOn, signersOf, type Trusted, type TrustedSource } from './finality';
import { digest } from './hash';
import { type Certificate, certificate, type Header, header } from './ledger';
import { leafHash, nodeHash } from './merkle';

/** What an election contributes to the state of the ledger. */
export interface Summary {
  id: string;
  /** What its ballots are bound to. */
  context: string;
  phase: string;
  acts: number;
  rollSize: bigint;
  certified: bigint;
  ballots: bigint;
  voted: bigint;
  log: string;
}

export const summary: Codec<Summary> = struct<Summary>({
  id: fixed(16),
  context: fixed(32),
  phase: names<string>('draft', 'ready', 'scheduled', 'open', 'closed', 'tallied', 'published', 'cancelled'),
  acts: u32,
  rollSize: u64,
  certified: u64,
  ballots: u64,
  voted: u64,
  log: fixed(32),
});

/** A sibling on the way to the root, and the side on which it stands. */
export interface PathStep {
  side: 'left' | 'right';
  sibling: string;
}

const hash = fixed(32);
const step = (side: PathStep['side']): Codec<PathStep> => ({
  read: (from) => ({ side, sibling: hash.read(from) }),
  write: (to, { sibling }) => hash.write(to, sibling),
});

export interface ElectionProof {
  summary: Summary;
  path: PathStep[];
  headers: Header[];
  certificate: Certificate;
}

export const statePath: Codec<PathStep[]> = vec(enumeration<PathStep>([step('left'), step('right')], ({ side }) => (side === 'left' ? 0 : 1)));

export const electionProof: Codec<ElectionProof> = struct<ElectionProof>({
  summary,
  path: statePath,
  headers: vec(header),
  certificate,
});

export type ElectionReason = FinalityReason | 'malformed_proof';

export interface ElectionCheck {
  verdict: 'certified' | 'invalid';
  reason?: ElectionReason;
  /** The reason in words, for experts. */
  detail?: string;
  /** What is certified. */
  electionId: string;
  context: string;
  phase: string;
  chain: string;
  signers: string[];
  authorities: string[];
  /** Digest of the genesis that it was judged by. */
  genesis: string;
}

/** Judges a proof by the authorities that the caller relies on. Of an invalid one nothing is told but why. */
export async function checkElection(proofBase64: string, relied: Trusted): Promise<ElectionCheck> {
  const nothing = { electionId: '', context: '', phase: '', chain: '', signers: [], authorities: [], genesis: '' };
  try {
    return { verdict: 'certified', ...(await judged(proofBase64, relied)) };
  } catch (error) {
    if (error instanceof Refused) return { verdict: 'invalid', reason: error.reason as ElectionReason, detail: error.message, ...nothing };
    throw error;
  }
}

/** Judges a proof by what is held, and if that fails by what is asked for anew: the authorities may have changed since. */
export async function checkCurrent(proofBase64: string, trusted: TrustedSource): Promise<ElectionCheck> {
  const check = await checkElection(proofBase64, await trusted(Infinity));
  return check.verdict === 'certified' ? check : checkElection(proofBase64, await trusted(0));
}

async function judged(proofBase64: string, relied: Trusted): Promise<Omit<ElectionCheck, 'verdict'>> {
  let genesis = '';
  const epochs = await relyOn(relied, (digest) => (genesis = digest));
  const proof = read(() => decode(electionProof, fromBase64(proofBase64, MAX_PROOF_BYTES), MAX_PROOF_BYTES), 'malformed_proof');
  const { summary: said, path, headers, certificate } = proof;
  const [first, last] = ends(headers);
  const epoch = epochs.at(first.height);
  const lastHash = await linked(headers, epochs, epoch);
  if ((await stateRoot(said, path)) !== first.stateRoot) {
    throw new Refused('not_included', 'the election is not in the state that the block’s header commits to');
  }
  const signers = await signersOf(certificate, last, lastHash, epoch);
  const { id: electionId, context, phase } = said;
  return { electionId, context, phase, chain: first.chain, signers, authorities: epoch.authorities.map(({ name }) => name), genesis };
}

/** The root of the state that a path leads to from an election. */
export async function stateRoot(election: Summary, path: PathStep[]): Promise<string> {
  let root = await leafHash(concat(unhex(election.id), unhex(await digest('voting/election-summary/v1', summary, election))));
  for (const { side, sibling } of path) root = await (side === 'left' ? nodeHash(sibling, root) : nodeHash(root, sibling));
  return root;
}
