/**
 * Authorities that hand over to others (section 12 of the specification): from a genesis and the proofs of each change, who
 * was in office at which height.
 */
import { type Codec, decode, struct, unhex, vec } from './codec';
import { chainId, epoch as epochCodec, epochDigest, type Epoch, type Genesis, isUsableEpoch } from './genesis';
import { blockHash, type Certificate, certificate, follows, type Header, header, isTailOf, voteBytes } from './ledger';

const MAX_BYTES = 53_356;
const MAX_TAIL = 128;
const MAX_CHANGES = 1_024;

export interface Handover {
  epoch: Epoch;
  headers: Header[];
  certificate: Certificate;
}

export const handover: Codec<Handover> = struct<Handover>({ epoch: epochCodec, headers: vec(header), certificate });

export function decodeHandover(bytes: Uint8Array): Handover {
  return decode(handover, bytes, MAX_BYTES);
}

/** The authorities of a chain from a first height on. */
interface Term {
  first: bigint;
  epoch: Epoch;
}

/** Why a list of handovers proves nothing. */
export class NotProved extends Error {}

/** The epochs of a chain as far as they are proved. */
export class Epochs {
  private constructor(
    /** The chain, or those of a network that nobody has handed over in. */
    readonly chains: string[],
    private readonly terms: Term[],
  ) {}

  /** From a usable genesis, with its digest. */
  static async proved(genesis: Genesis, genesisDigest: string, handovers: Handover[]): Promise<Epochs> {
    const all: string[] = [];
    for (let partition = 0; partition < genesis.partitions; partition += 1) {
      all.push(await chainId(genesisDigest, partition));
    }
    const chain = handovers[0]?.headers[0]?.chain;
    if (handovers.length > 0 && !all.includes(chain ?? '')) throw new NotProved('a handover is of another network');
    const epochs = new Epochs(chain === undefined ? all : [chain], [{ first: 1n, epoch: genesis.epoch }]);
    for (const one of handovers) await epochs.extend(one);
    return epochs;
  }

  /** The authorities that decide on the block of a height. */
  at(height: bigint): Epoch {
    const begun = this.terms.filter(({ first }) => first <= height);
    return (begun.at(-1) ?? this.terms[0] ?? never()).epoch;
  }

  private async extend({ epoch, headers, certificate }: Handover): Promise<void> {
    const { first, epoch: before } = this.terms.at(-1) ?? never();
    const [last, ...tail] = headers;
    const wrong = (what: string) => new NotProved(`the change to epoch ${epoch.number}: ${what}`);
    if (epoch.number !== before.number + 1 || this.terms.length > MAX_CHANGES) throw wrong('not the next one');
    if (!(await isUsableEpoch(epoch))) throw wrong('the epoch breaks its own rules');
    if (!last || last.chain !== this.chains[0] || last.epoch !== before.number || last.height < first) {
      throw wrong('its headers are of another chain or epoch');
    }
    if (last.successor !== (await epochDigest(epoch))) throw wrong('the last block names another successor');
    if (!(await finalizes(certificate, last, tail))) throw wrong('the certificate is of another block');
    const fault = await signatureFault(certificate, last.chain, before);
    if (fault) throw wrong(fault);
    this.terms.push({ first: last.height + 1n, epoch });
  }
}

/** There is always the epoch of the genesis. */
function never(): never {
  throw new Error('no epoch');
}

/** Whether a certificate speaks of this block, or of the end of its tail. */
export async function finalizes({ statement }: Certificate, header: Header, tail: Header[]): Promise<boolean> {
  if (tail.length > MAX_TAIL || (tail.length > 0 && header.successor === null)) return false;
  let parent = { header, hash: await blockHash(header) };
  for (const child of tail) {
    if (!follows(child, parent.header, parent.hash) || !isTailOf(child, parent.header)) return false;
    parent = { header: child, hash: await blockHash(child) };
  }
  return statement.kind === 'finalize' && statement.view === parent.header.view && statement.block === parent.hash;
}

/** What is wrong with the signatures of a certificate: a quorum of distinct authorities, each signature valid. */
export async function signatureFault(
  { statement, signatures }: Certificate,
  chain: string,
  epoch: Epoch,
): Promise<string | null> {
  if (signatures.some(({ authority }, at) => at > 0 && authority <= (signatures[at - 1]?.authority ?? 0))) {
    return 'the signatures are not in strictly ascending order of authority';
  }
  if (signatures.length < epoch.quorum) return `${signatures.length} signatures, the quorum is ${epoch.quorum}`;
  const { verify } = await import('./strict');
  const message = voteBytes(chain, epoch.number, statement);
  for (const { authority, signature } of signatures) {
    const named = epoch.authorities[authority];
    if (!named) return `authority ${authority} is not in the epoch`;
    if (!verify(unhex(named.key), message, unhex(signature))) return `the signature of ${named.name} is not valid`;
  }
  return null;
}
