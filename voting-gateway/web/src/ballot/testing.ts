/**
 * For tests: the vectors that pin the bytes of version 1, and receipts of a network made up on the spot.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { toBase64 } from './base64';
import { encode, hex, unhex } from './codec';
import { chainId, type Genesis, genesis as genesisCodec, genesisDigest } from './genesis';
import { blockHash, type Certificate, type Header, voteBytes } from './ledger';
import { leafHash } from './merkle';
import { type Receipt, receipt as receiptCodec, type Trusted } from './receipt';
import { publicKey, sign } from './strict';

const VECTORS = join(import.meta.dirname, '../../../../voting-core/tests/vectors');

/** One vector: whatever fields its file gives it. */
export type Vector = Record<string, unknown> & { name: string; hex: string; type?: string; digest: string };

export function vectors<T = Vector[]>(file: string): T {
  return JSON.parse(readFileSync(join(VECTORS, file), 'utf-8')) as T;
}

export function vectorsOf(file: string, type: string): Vector[] {
  return vectors(file).filter((vector) => vector.type === type);
}

/** The genesis behind the vectors. */
export function genesisBytes(): Uint8Array {
  const [first] = vectorsOf('entries.json', 'voting/genesis/v1');
  return unhex(first?.hex ?? '');
}

/** Numbers that look random and are the same every time. */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const seedOf = (authority: number) => new Uint8Array(32).fill(authority + 1);

export function network(authorities: number, quorum: number): Genesis {
  const named = (name: string, n: number) => ({ name, key: hex(publicKey(seedOf(n))) });
  return {
    network: 'test',
    foundedAt: 1_000n,
    epoch: {
      number: 0,
      authorities: Array.from({ length: authorities }, (_, n) => named(`authority-${n}`, n)),
      quorum,
      leader: 'fixed',
      timers: { leaderTimeout: 1, viewTimeout: 2, timeoutMax: 3, standstill: 4 },
    },
    officers: [named('officer', 99)],
    partitions: 1,
  };
}

/** A receipt that holds: one entry in the first of so many blocks, the last of them certified by these authorities. */
export async function receiptOf(
  genesis: Genesis,
  signers: number[],
  { blocks = 1, partition = 0, change = (header: Header) => header } = {},
): Promise<Receipt> {
  const chain = await chainId(await genesisDigest(genesis), partition);
  const entry = 'e1'.repeat(32);
  const payloadRoot = await leafHash(unhex(entry));
  const headers: Header[] = [];
  let parent = { view: 4n, hash: '00'.repeat(32) };
  for (let n = 0n; n < BigInt(blocks); n += 1n) {
    const header = change({
      chain,
      epoch: 0,
      view: 5n + 2n * n,
      height: 3n + n,
      parent,
      payloadRoot,
      entries: 1,
      stateRoot: '55'.repeat(32),
      timestamp: 2_000n + n,
      preference: null,
      successor: null,
    });
    headers.push(header);
    parent = { view: header.view, hash: await blockHash(header) };
  }
  const statement = { kind: 'finalize', view: parent.view, block: parent.hash } as const;
  return {
    election: '7a'.repeat(16),
    ballot: 'ba'.repeat(32),
    entry,
    position: { height: headers[0]?.height ?? 3n, index: 0 },
    proof: { index: 0n, size: 1n, hashes: [] },
    headers,
    certificate: certify(chain, statement, signers),
  };
}

export function certify(chain: string, statement: Certificate['statement'], signers: number[]): Certificate {
  const message = voteBytes(chain, 0, statement);
  return {
    statement,
    signatures: signers.map((authority) => ({ authority, signature: hex(sign(seedOf(authority), message)) })),
  };
}

/** A genesis, and authorities that never changed. */
export const reliedOn = (genesis: Uint8Array): Trusted => ({ genesis, handovers: [] });
export const encodedGenesis = (genesis: Genesis): Trusted => reliedOn(encode(genesisCodec, genesis));
export const encodedReceipt = (receipt: Receipt): string => toBase64(encode(receiptCodec, receipt));
