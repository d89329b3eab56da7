/**
 * What receipts and proofs of elections have in common (section 16 of the specification): headers that lead from a block to a
 * certified one, and a quorum of those who were in office then.
 */
import { fromBase64 } from './base64';
import { Malformed } from './codec';
import { decodeHandover, Epochs, NotProved, signatureFault } from './epochs';
import { decodeGenesis, type Epoch, genesisDigest, isUsableGenesis } from './genesis';
import { blockHash, type Certificate, follows, type Header } from './ledger';

/** Longest receipt or proof, in bytes. */
export const MAX_PROOF_BYTES = 76_296;
const MAX_HEADERS = 256;
/** Longest proof of a change, in bytes. */
const MAX_HANDOVER_BYTES = 53_356;

/** Why something proves nothing: the specification's reasons, but for the genesis. */
export type FinalityReason =
  | 'invalid_genesis'
  | 'header_count'
  | 'other_chain'
  | 'broken_link'
  | 'not_included'
  | 'other_statement'
  | 'invalid_certificate';

export class Refused<Reason extends string = FinalityReason> extends Error {
  constructor(
    readonly reason: Reason | FinalityReason,
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

/** Where it comes from: what is held already if it is at most so many milliseconds old, else asked for anew. */
export type TrustedSource = (staleTime: number) => Promise<Trusted>;

/** What an attempt reads, or the reason why it cannot be read. */
export function read<T, Reason extends string>(attempt: () => T, reason: Reason | FinalityReason): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof Malformed) throw new Refused<Reason>(reason, error.message);
    throw error;
  }
}

/** Who was in office when, and the digest of the genesis; `told` gets the digest as soon as it is known. */
export async function relyOn({ genesis: bytes, handovers }: Trusted, told: (digest: string) => void): Promise<Epochs> {
  const genesis = read(() => decodeGenesis(bytes), 'invalid_genesis');
  if (!(await isUsableGenesis(genesis))) throw new Refused('invalid_genesis', 'the genesis breaks its own rules');
  const digest = await genesisDigest(genesis);
  told(digest);
  const proofs = read(
    () => handovers.map((text) => decodeHandover(fromBase64(text, MAX_HANDOVER_BYTES))),
    'invalid_genesis',
  );
  try {
    return await Epochs.proved(genesis, digest, proofs);
  } catch (error) {
    if (error instanceof NotProved) throw new Refused('invalid_genesis', error.message);
    throw error;
  }
}

/** The first and the last of the headers, of which there are neither none nor too many. */
export function ends(headers: Header[]): [first: Header, last: Header] {
  const [first] = headers;
  const last = headers.at(-1);
  if (!first || !last || headers.length > MAX_HEADERS) {
    throw new Refused('header_count', `${headers.length} headers, there must be between 1 and ${MAX_HEADERS}`);
  }
  return [first, last];
}

/** The hash of the last header: all belong to one chain and epoch, and each follows the one before. */
export async function linked(headers: Header[], epochs: Epochs, epoch: Epoch): Promise<string> {
  const [{ chain }] = ends(headers);
  if (!headers.every((header) => header.chain === chain && header.epoch === epoch.number)) {
    throw new Refused('other_chain', 'a header belongs to another chain or epoch');
  }
  if (!epochs.chains.includes(chain)) {
    throw new Refused('other_chain', 'the headers belong to another network or partition');
  }
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

/** Names of those whose certificate finalizes a header with this hash: a quorum. */
export async function signersOf(certificate: Certificate, last: Header, hash: string, epoch: Epoch): Promise<string[]> {
  const { statement, signatures } = certificate;
  if (statement.kind !== 'finalize' || statement.view !== last.view || statement.block !== hash) {
    throw new Refused('other_statement', 'the certificate does not finalize the last header');
  }
  const fault = await signatureFault(certificate, last.chain, epoch);
  if (fault) throw new Refused('invalid_certificate', fault);
  return signatures.flatMap(({ authority }) => epoch.authorities[authority]?.name ?? []);
}
