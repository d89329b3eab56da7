/**
 * Receipts (section 16 of the specification), judged in this browser: an entry stands in a block, headers lead from that block
 * to a certified one, and a quorum of those who were in office then signed the certificate: the authorities of the genesis, or
 * whom they have handed over to.
 *
 *   ballot ─▶ entry hash ─inclusion proof─▶ payload root ─parent hashes─▶ certified header ◀─ quorum
 *
 * Entry and place are proved. That the entry is the ballot can only be proved to whoever holds the ballot's bytes: without
 * them, election and ballot hash are the issuer's word, and `ballotChecked` says so.
 */
import { entryHash, openBallot } from './ballot';
import { fromBase64 } from './base64';
import { codeOfHash } from './code';
import { type Codec, decode, fixed, Malformed, struct, u32, u64, unhex, vec } from './codec';
import type { Epochs } from './epochs';
import { ends, type FinalityReason, linked, MAX_PROOF_BYTES, read, Refused, relyOn, signersOf, type Trusted } from './finality';
import { type Certificate, certificate, type Header, header } from './ledger';
import { type InclusionProof, inclusionProof, leafHash, proofRoot } from './merkle';

export type { Trusted } from './finality';

/** The largest time that people write. */
const MAX_TIME = 253_402_300_799_999n;

/** Why a receipt proves nothing. All but the first, the last and that of the genesis are the specification's. */
export type ReceiptReason = FinalityReason | 'malformed_receipt' | 'wrong_position' | 'other_ballot' | 'out_of_range';

const refused = (reason: ReceiptReason, detail: string) => new Refused<ReceiptReason>(reason, detail);

export interface ReceiptCheck {
  verdict: 'recorded' | 'invalid';
  reason?: ReceiptReason;
  /** The reason in words, for experts. */
  detail?: string;
  /** Whether the entry was compared with the ballot's bytes; if not, election, hash and code are the issuer's word. */
  ballotChecked: boolean;
  electionId: string;
  ballotHash: string;
  code: string;
  /** Hash of the entry whose place is proved. */
  entryHash: string;
  height: number;
  index: number;
  time: string;
  signers: string[];
  authorities: string[];
  quorum: number;
  /** Digest of the genesis that the receipt was judged by. */
  genesis: string;
}

export interface Receipt {
  election: string;
  ballot: string;
  entry: string;
  position: { height: bigint; index: number };
  proof: InclusionProof;
  headers: Header[];
  certificate: Certificate;
}

export const receipt: Codec<Receipt> = struct<Receipt>({
  election: fixed(16),
  ballot: fixed(32),
  entry: fixed(32),
  position: struct<Receipt['position']>({ height: u64, index: u32 }),
  proof: inclusionProof,
  headers: vec(header),
  certificate,
});

/**
 * Judges a receipt. `signedBallot` are the bytes that were cast, where they are at hand. Of an invalid receipt, what it claims
 * is told as far as it could be read, and proves nothing.
 */
export async function checkReceipt(
  proofBase64: string,
  relied: Trusted,
  signedBallot?: Uint8Array,
): Promise<ReceiptCheck> {
  const check: ReceiptCheck = {
    verdict: 'invalid',
    ballotChecked: false,
    electionId: '',
    ballotHash: '',
    code: '',
    entryHash: '',
    height: 0,
    index: 0,
    time: '',
    signers: [],
    authorities: [],
    quorum: 0,
    genesis: '',
  };
  try {
    const epochs = await relyOn(relied, (digest) => (check.genesis = digest));
    const claimed = claims(proofBase64, check);
    await judge(claimed, epochs, check);
    if (signedBallot) await compare(claimed, signedBallot);
    return { ...check, verdict: 'recorded', ballotChecked: signedBallot !== undefined };
  } catch (error) {
    if (error instanceof Refused) return { ...check, reason: error.reason as ReceiptReason, detail: error.message };
    throw error;
  }
}

function claims(proofBase64: string, check: ReceiptCheck): Receipt {
  const claimed = read(() => decode(receipt, fromBase64(proofBase64, MAX_PROOF_BYTES), MAX_PROOF_BYTES), 'malformed_receipt');
  check.electionId = claimed.election;
  check.ballotHash = claimed.ballot;
  check.code = codeOfHash(claimed.ballot);
  check.entryHash = claimed.entry;
  return claimed;
}

/** The tests in the order of the specification. */
async function judge(
  { entry, position, proof, headers, certificate }: Receipt,
  epochs: Epochs,
  check: ReceiptCheck,
): Promise<void> {
  const [first, last] = ends(headers);
  const epoch = epochs.at(first.height);
  check.authorities = epoch.authorities.map(({ name }) => name);
  check.quorum = epoch.quorum;
  const lastHash = await linked(headers, epochs, epoch);
  if (
    position.height !== first.height ||
    proof.index !== BigInt(position.index) ||
    proof.size !== BigInt(first.entries)
  ) {
    throw refused('wrong_position', 'position, inclusion proof and header do not speak of the same place');
  }
  if ((await proofRoot(proof, await leafHash(unhex(entry)))) !== first.payloadRoot) {
    throw new Refused('not_included', 'the entry is not among those that the block’s header commits to');
  }
  const names = await signersOf(certificate, last, lastHash, epoch);
  if (position.height > BigInt(Number.MAX_SAFE_INTEGER) || first.timestamp > MAX_TIME) {
    throw refused('out_of_range', 'the height or the time is larger than can be shown');
  }
  check.signers = names;
  check.height = Number(position.height);
  check.index = position.index;
  check.time = new Date(Number(first.timestamp)).toISOString();
}

async function compare({ election, ballot, entry }: Receipt, signedBallot: Uint8Array): Promise<void> {
  const cast = await openBallot(signedBallot, '').catch((error: unknown) => {
    if (error instanceof Malformed) throw refused('other_ballot', error.message);
    throw error;
  });
  if (cast.electionId !== election || cast.hash !== ballot || (await entryHash(signedBallot)) !== entry) {
    throw refused('other_ballot', 'the receipt is for another ballot than the one given');
  }
}
