// @vitest-environment node
/**
 * The bytes of version 1: everything this program encodes, decodes, hashes and signs is what the vectors pin.
 */
import { describe, expect, it } from 'vitest';

import { openBallot } from './ballot';
import { codeOfHash } from './code';
import { type Codec, decode, encode, hex, unhex } from './codec';
import { contextOf, type Definition, definition } from './definition';
import { chainId, type Genesis, genesis, isUsableGenesis } from './genesis';
import { digest, parts } from './hash';
import { certificate, type Header, header, voteBytes, type Certificate } from './ledger';
import { inclusionProof, leafHash, proofRoot } from './merkle';
import { receipt } from './receipt';
import { isUsableKey, publicKey, sign, verify } from './strict';
import { isLine } from './text';
import { type Vector, vectors, vectorsOf } from './testing';

const time = (ms: bigint) => new Date(Number(ms)).toISOString().replace('.000Z', 'Z');

function headerJson({ payloadRoot, stateRoot, preference, ...header }: Header): object {
  const preferred = preference && { ...preference, at: time(preference.at) };
  return {
    ...header,
    payload_root: payloadRoot,
    state_root: stateRoot,
    timestamp: time(header.timestamp),
    preference: preferred,
  };
}

const certificateJson = ({ statement, signatures }: Certificate): object => ({
  statement,
  signatures: signatures.map(({ authority, signature }) => [authority, signature]),
});

function genesisJson({ network, foundedAt, epoch, officers, partitions }: Genesis): object {
  const { leader, timers } = epoch;
  return {
    network,
    founded_at: time(foundedAt),
    officers,
    partitions,
    epoch: {
      ...epoch,
      leader: typeof leader === 'object' ? { 'round-robin': leader } : leader,
      timers: {
        leader_timeout_ms: timers.leaderTimeout,
        view_timeout_ms: timers.viewTimeout,
        timeout_ms_max: timers.timeoutMax,
        standstill_ms: timers.standstill,
      },
    },
  };
}

/** Numbers of 64 bits are BigInt here and numbers in the vectors, which have none that JSON cannot hold. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one)));

/** Both ways, and the digest. */
async function pinned<T>(codec: Codec<T>, vector: Vector, json: (value: T) => unknown): Promise<T> {
  const value = decode(codec, unhex(vector.hex), 1 << 20);
  expect(plain(json(value))).toEqual(vector.value);
  expect(hex(encode(codec, value))).toBe(vector.hex);
  if (vector.type) expect(await digest(vector.type, codec, value)).toBe(vector.digest);
  return value;
}

describe('vectors', () => {
  it('ids.json: keys, signatures, chain ids, context, codes', async () => {
    let seen = 0;
    for (const vector of vectors<(Record<string, string> & { name: string; partition: number })[]>('ids.json')) {
      const bytes = (field: string) => unhex(vector[field] ?? 'missing');
      if (vector.name.startsWith('key ')) {
        expect(hex(publicKey(bytes('seed')))).toBe(vector.public);
        expect(hex(sign(bytes('seed'), bytes('message')))).toBe(vector.signature);
        expect(verify(bytes('public'), bytes('message'), bytes('signature'))).toBe(true);
      } else if (vector.name.startsWith('chain id')) {
        expect(await chainId(vector.genesis ?? '', vector.partition)).toBe(vector.chain);
      } else if (vector.name === 'context') {
        expect(await parts('voting/election-context/v1', bytes('chain'), bytes('definition'))).toBe(vector.context);
        const [defined] = vectorsOf('entries.json', 'voting/election/v1');
        const shown = decode(definition, unhex(defined?.hex ?? ''), 61_440);
        expect(await contextOf(shown, vector.chain ?? '')).toBe(vector.context);
      } else if (vector.name === 'code of a ballot') {
        expect(codeOfHash(vector.ballot ?? '')).toBe(vector.code);
      } else {
        continue;
      }
      seen += 1;
    }
    expect(seen).toBe(9);
  });

  it('text.json: lines', () => {
    const texts = vectors<{ text: string; line_of_20: boolean }[]>('text.json');
    for (const { text, line_of_20 } of texts) expect(isLine(text, 20), JSON.stringify(text)).toBe(line_of_20);
    expect(texts).toHaveLength(25);
  });

  it('merkle.json: every proof leads to the root', async () => {
    let seen = 0;
    for (const tree of vectors<{ leaves: string[]; root: string; proofs_hex?: string[] }[]>('merkle.json')) {
      for (const [at, encoded] of (tree.proofs_hex ?? []).entries()) {
        const proof = decode(inclusionProof, unhex(encoded), 4_096);
        expect(hex(encode(inclusionProof, proof))).toBe(encoded);
        const leaf = await leafHash(Uint8Array.of(at));
        expect(leaf).toBe(tree.leaves[at]);
        expect(await proofRoot(proof, leaf)).toBe(tree.root);
        const elsewhere = { ...proof, index: (proof.index + 1n) % proof.size };
        if (proof.size > 1n) expect(await proofRoot(elsewhere, leaf)).not.toBe(tree.root);
        expect(await proofRoot({ ...proof, hashes: [...proof.hashes, leaf] }, leaf)).toBeNull();
        expect(await proofRoot({ ...proof, index: proof.size }, leaf)).toBeNull();
        seen += 1;
      }
    }
    expect(seen).toBe(45);
  });

  it('entries.json: geneses and the definition', async () => {
    for (const vector of vectorsOf('entries.json', 'voting/genesis/v1')) {
      const value = await pinned(genesis, vector, genesisJson);
      expect(await isUsableGenesis(value)).toBe(true);
    }
    const short = (iso: string) => iso.replace('.000Z', 'Z');
    const json = ({ start_date, end_date, ...rest }: Definition) => ({
      ...rest,
      opens_at: short(start_date),
      closes_at: short(end_date),
    });
    for (const vector of vectorsOf('entries.json', 'voting/election/v1')) await pinned(definition, vector, json);
  });

  it('blocks.json and votes.json: headers, certificates, what authorities sign', async () => {
    const headers = vectorsOf('blocks.json', 'voting/header/v1');
    for (const vector of headers) await pinned(header, vector, headerJson);
    expect(headers).toHaveLength(14);
    const certificates = vectorsOf('votes.json', 'voting/certificate/v1');
    for (const vector of certificates) await pinned(certificate, vector, certificateJson);
    expect(certificates).toHaveLength(3);
    const votes = vectors('votes.json').filter(({ name }) => name === 'vote');
    for (const [at, vote] of votes.entries()) {
      const { statement } = decode(certificate, unhex(certificates[at]?.hex ?? ''), 6_664);
      const message = voteBytes(vote.chain as string, 0, statement);
      expect(hex(message)).toBe(vote.signed_bytes);
      expect(verify(unhex(vote.key as string), message, unhex(vote.hex).slice(-64))).toBe(true);
    }
    expect(votes).toHaveLength(3);
  });

  it('receipts.json: both ways', async () => {
    const receipts = vectorsOf('receipts.json', 'voting/receipt/v1');
    for (const vector of receipts) {
      await pinned(receipt, vector, (value) => ({
        ...value,
        headers: value.headers.map(headerJson),
        certificate: certificateJson(value.certificate),
      }));
    }
    expect(receipts).toHaveLength(2);
  });

  it('ed25519.json: RFC 8032 and the edge cases, judged by the strict rule', () => {
    type Case = {
      name: string;
      seed: string;
      key: string;
      message: string;
      signature: string;
      usable: boolean;
      valid: boolean;
    };
    const { rfc8032, keys, signatures } = vectors<Record<'rfc8032' | 'keys' | 'signatures', Case[]>>('ed25519.json');
    for (const { seed, key, message, signature } of rfc8032) {
      expect(hex(publicKey(unhex(seed)))).toBe(key);
      expect(hex(sign(unhex(seed), unhex(message)))).toBe(signature);
      expect(verify(unhex(key), unhex(message), unhex(signature))).toBe(true);
    }
    for (const { name, key, usable } of keys) expect(isUsableKey(unhex(key)), name).toBe(usable);
    for (const { name, key, message, signature, valid } of signatures) {
      expect(verify(unhex(key), unhex(message), unhex(signature)), name).toBe(valid);
    }
    expect([rfc8032.length, keys.length, signatures.length]).toEqual([4, 53, 22]);
  });

  it('signed ballots of entries.json', async () => {
    const [signed] = vectorsOf('entries.json', 'voting/signed-ballot/v1');
    const [content] = vectorsOf('entries.json', 'voting/ballot/v1');
    const opened = await openBallot(unhex(signed?.hex ?? ''), '');
    expect(opened.hash).toBe(content?.digest);
    expect(opened.selections).toEqual((content?.value as { selections: unknown }).selections);
  });
});
