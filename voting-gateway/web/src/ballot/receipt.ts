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
import { decodeHandover, Epochs, NotProved, signatureFault } from './epochs';
import { decodeGenesis, genesisDigest, isUsableGenesis } from './genesis';
import { blockHash, type Certificate, certificate, follows, type Header, header } from './ledger';
import { type InclusionProof, inclusionProof, leafHash, proofRoot } from './merkle';

const MAX_BYTES = 76_296;
const MAX_HEADERS = 256;
/** The largest time that people write. */
const MAX_TIME = 253_402_300_799_999n;

/** Why a receipt proves nothing. All but the first and last are the specification's. */
export type ReceiptReason =
  | 'malformed_receipt'
  | 'invalid_genesis'
  | 'header_count'
  | 'other_chain'
  | 'broken_link'
  | 'wrong_position'
  | 'not_included'
  | 'other_statement'
  | 'invalid_certificate'
  | 'other_ballot'
  | 'out_of_range';

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

class Refused extends Error {
  constructor(
    readonly reason: ReceiptReason,
    detail: string,
  ) {
    super(detail);
  }
}

/** What a receipt is judged by: the genesis, and the proofs of every change of the authorities since, in order. */
export interface Trusted {
  genesis: Uint8Array;
  handovers: string[];
}

/** Longest proof of a change, in bytes. */
const MAX_HANDOVER_BYTES = 53_356;

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
    const epochs = await trusted(relied, check);
    const claimed = claims(proofBase64, check);
    await judge(claimed, epochs, check);
    if (signedBallot) await compare(claimed, signedBallot);
    return { ...check, verdict: 'recorded', ballotChecked: signedBallot !== undefined };
  } catch (error) {
    if (error instanceof Refused) return { ...check, reason: error.reason, detail: error.message };
    throw error;
  }
}

async function trusted({ genesis: bytes, handovers }: Trusted, check: ReceiptCheck): Promise<Epochs> {
  const genesis = read(() => decodeGenesis(bytes), 'invalid_genesis');
  if (!(await isUsableGenesis(genesis))) throw new Refused('invalid_genesis', 'the genesis breaks its own rules');
  check.genesis = await genesisDigest(genesis);
  const proofs = read(
    () => handovers.map((text) => decodeHandover(fromBase64(text, MAX_HANDOVER_BYTES))),
    'invalid_genesis',
  );
  try {
    return await Epochs.proved(genesis, check.genesis, proofs);
  } catch (error) {
    if (error instanceof NotProved) throw new Refused('invalid_genesis', error.message);
    throw error;
  }
}

function claims(proofBase64: string, check: ReceiptCheck): Receipt {
  const claimed = read(() => decode(receipt, fromBase64(proofBase64, MAX_BYTES), MAX_BYTES), 'malformed_receipt');
  check.electionId = claimed.election;
  check.ballotHash = claimed.ballot;
  check.code = codeOfHash(claimed.ballot);
  check.entryHash = claimed.entry;
  return claimed;
}

function read<T>(attempt: () => T, reason: ReceiptReason): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof Malformed) throw new Refused(reason, error.message);
    throw error;
  }
}

/** The tests in the order of the specification. */
async function judge(
  { entry, position, proof, headers, certificate }: Receipt,
  epochs: Epochs,
  check: ReceiptCheck,
): Promise<void> {
  const [first] = headers;
  const last = headers.at(-1);
  if (!first || !last || headers.length > MAX_HEADERS) {
    throw new Refused('header_count', `${headers.length} headers, there must be between 1 and ${MAX_HEADERS}`);
  }
  const epoch = epochs.at(first.height);
  check.authorities = epoch.authorities.map(({ name }) => name);
  check.quorum = epoch.quorum;
  if (!headers.every(({ chain, epoch: number }) => chain === first.chain && number === epoch.number)) {
    throw new Refused('other_chain', 'a header belongs to another chain or epoch');
  }
  if (!epochs.chains.includes(first.chain)) {
    throw new Refused('other_chain', 'the headers belong to another network or partition');
  }
  const lastHash = await linked(headers);
  if (
    position.height !== first.height ||
    proof.index !== BigInt(position.index) ||
    proof.size !== BigInt(first.entries)
  ) {
    throw new Refused('wrong_position', 'position, inclusion proof and header do not speak of the same place');
  }
  if ((await proofRoot(proof, await leafHash(unhex(entry)))) !== first.payloadRoot) {
    throw new Refused('not_included', 'the entry is not among those that the block’s header commits to');
  }
  const { statement } = certificate;
  if (statement.kind !== 'finalize' || statement.view !== last.view || statement.block !== lastHash) {
    throw new Refused('other_statement', 'the certificate does not finalize the last header');
  }
  const fault = await signatureFault(certificate, last.chain, epoch);
  if (fault) throw new Refused('invalid_certificate', fault);
  const names = certificate.signatures.flatMap(({ authority }) => epoch.authorities[authority]?.name ?? []);
  if (position.height > BigInt(Number.MAX_SAFE_INTEGER) || first.timestamp > MAX_TIME) {
    throw new Refused('out_of_range', 'the height or the time is larger than can be shown');
  }
  check.signers = names;
  check.height = Number(position.height);
  check.index = position.index;
  check.time = new Date(Number(first.timestamp)).toISOString();
}

/** Each header follows the one before; the hash of the last. */
async function linked(headers: Header[]): Promise<string> {
  let before: { header: Header; hash: string } | null = null;
  let hash = '';
  for (const header of headers) {
    if (before && !follows(header, before.header, before.hash)) {
      throw new Refused('broken_link', `the header at height ${header.height} does not follow the one before it`);
    }
    hash = await blockHash(header);
    before = { header, hash };
  }
  return hash;
}

async function compare({ election, ballot, entry }: Receipt, signedBallot: Uint8Array): Promise<void> {
  const cast = await openBallot(signedBallot, '').catch((error: unknown) => {
    if (error instanceof Malformed) throw new Refused('other_ballot', error.message);
    throw error;
  });
  if (cast.electionId !== election || cast.hash !== ballot || (await entryHash(signedBallot)) !== entry) {
    throw new Refused('other_ballot', 'the receipt is for another ballot than the one given');
  }
}
