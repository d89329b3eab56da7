// @vitest-environment node
/** Proofs of elections: what holds, and every lie that a gateway might try. */
import { beforeAll, describe, expect, it } from 'vitest';

import { toBase64 } from './base64';
import { decode, encode, hex, unhex } from './codec';
import { checkCurrent, checkElection, electionProof, type ElectionProof, stateRoot, type Summary, summary } from './election';
import type { Genesis } from './genesis';
import { digest } from './hash';
import { leafHash, proofRoot } from './merkle';
import { certify, encodedGenesis, network, receiptOf, vectors } from './testing';

interface StateVector {
  name: string;
  id: string;
  digest: string;
  leaf: string;
  summary: string;
  proof: { index: number; size: number; hashes: string[] };
}

describe('what an election contributes to the state', () => {
  it.each(vectors<StateVector[]>('state.json').filter(({ name }) => name === 'election'))('stands in bytes as pinned: $id', async (vector) => {
    const read = decode(summary, unhex(vector.summary), 256);
    expect(read.id).toBe(vector.id);
    expect(hex(encode(summary, read))).toBe(vector.summary);
    expect(await digest('voting/election-summary/v1', summary, read)).toBe(vector.digest);
    expect(await stateRoot(read, [])).toBe(vector.leaf);
    expect(await leafHash(unhex(vector.id + vector.digest))).toBe(vector.leaf);
  });

  it('leads to the root along the path of its inclusion proof', async () => {
    const [first] = vectors<StateVector[]>('state.json');
    const { index, size, hashes } = first!.proof;
    expect([index, size]).toEqual([0, 3]);
    const root = await proofRoot({ index: 0n, size: 3n, hashes }, first!.leaf);
    const path = hashes.map((sibling) => ({ side: 'right' as const, sibling }));
    expect(await stateRoot(decode(summary, unhex(first!.summary), 256), path)).toBe(root);
  });
});

describe('a proof of an election', () => {
  const four = network(4, 3);
  const five = network(5, 4);
  const said: Summary = {
    id: '7a'.repeat(16),
    context: 'c0'.repeat(32),
    phase: 'open',
    acts: 4,
    rollSize: 3n,
    certified: 1n,
    ballots: 0n,
    voted: 0n,
    log: '0f'.repeat(32),
  };
  const path: ElectionProof['path'] = [
    { side: 'left', sibling: '11'.repeat(32) },
    { side: 'right', sibling: '22'.repeat(32) },
  ];
  let proof: ElectionProof;
  const make = async (signers: number[], blocks = 2): Promise<ElectionProof> => {
    const root = await stateRoot(said, path);
    const { headers, certificate } = await receiptOf(four, signers, { blocks, change: (header) => (header.height === 3n ? { ...header, stateRoot: root } : header) });
    return { summary: said, path, headers, certificate };
  };
  const judged = (lie: ElectionProof, by = four) => checkElection(toBase64(encode(electionProof, lie)), encodedGenesis(by));
  beforeAll(async () => {
    proof = await make([0, 1, 3]);
  });

  it('is judged by authorities asked for anew where those held do not do', async () => {
    const text = toBase64(encode(electionProof, proof));
    const asked: number[] = [];
    const judged = (held: Genesis, anew: Genesis) => {
      asked.length = 0;
      return checkCurrent(text, async (staleTime) => {
        asked.push(staleTime);
        return encodedGenesis(staleTime === 0 ? anew : held);
      });
    };
    expect((await judged(four, five)).verdict).toBe('certified');
    expect(asked).toEqual([Infinity]);
    expect((await judged(five, four)).verdict).toBe('certified');
    expect(asked).toEqual([Infinity, 0]);
    expect(await judged(five, five)).toMatchObject({ verdict: 'invalid', reason: 'other_chain' });
    expect(asked).toEqual([Infinity, 0]);
  });

  it('tells what a quorum has certified', async () => {
    expect(await judged(proof)).toMatchObject({
      verdict: 'certified',
      electionId: said.id,
      context: said.context,
      phase: 'open',
      chain: proof.headers[0]?.chain,
      signers: ['authority-0', 'authority-1', 'authority-3'],
    });
  });

  it.each<[string, string, () => ElectionProof | Promise<ElectionProof>]>([
    ['not_included', 'another context', () => ({ ...proof, summary: { ...said, context: 'c1'.repeat(32) } })],
    ['not_included', 'another election', () => ({ ...proof, summary: { ...said, id: '7b'.repeat(16) } })],
    ['not_included', 'another phase', () => ({ ...proof, summary: { ...said, phase: 'closed' } })],
    ['not_included', 'another log', () => ({ ...proof, summary: { ...said, log: '00'.repeat(32) } })],
    ['not_included', 'a sibling on the other side', () => ({ ...proof, path: path.map(({ side, sibling }) => ({ side: side === 'left' ? 'right' : 'left', sibling })) })],
    ['not_included', 'a path cut short', () => ({ ...proof, path: path.slice(1) })],
    ['not_included', 'the state of a later block', () => ({ ...proof, headers: proof.headers.slice(1) })],
    ['header_count', 'no header', () => ({ ...proof, headers: [] })],
    ['broken_link', 'a header left out', async () => ((longer) => ({ ...longer, headers: [longer.headers[0]!, longer.headers[2]!] }))(await make([0, 1, 2], 3))],
    ['broken_link', 'another state root', () => ({ ...proof, headers: proof.headers.map((header, at) => (at === 0 ? { ...header, stateRoot: '00'.repeat(32) } : header)) })],
    ['other_chain', 'another chain', () => ({ ...proof, headers: proof.headers.map((header) => ({ ...header, chain: '00'.repeat(32) })) })],
    ['other_statement', 'a certificate of another block', () => ({ ...proof, certificate: certify(proof.headers[0]!.chain, { kind: 'finalize', view: 7n, block: '00'.repeat(32) }, [0, 1, 2]) })],
    ['invalid_certificate', 'too few signatures', () => make([0, 1])],
    ['invalid_certificate', 'a signature of another', () => ({ ...proof, certificate: { ...proof.certificate, signatures: proof.certificate.signatures.map((one) => ({ ...one, signature: proof.certificate.signatures[0]!.signature })) } })],
  ])('is refused as %s: %s', async (reason, _, lie) => {
    expect(await judged(await lie())).toMatchObject({ verdict: 'invalid', reason, context: '' });
  });

  it('is worth nothing in another network', async () => {
    expect(await judged(proof, { ...four, network: 'other' })).toMatchObject({ verdict: 'invalid', reason: 'other_chain' });
  });

  it('is refused with any byte changed or cut off', async () => {
    const bytes = encode(electionProof, proof);
    const relied = encodedGenesis(four);
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect((await checkElection(toBase64(changed), relied)).verdict).toBe('invalid');
    }
    for (const text of ['', 'AAAA', '!', toBase64(bytes.slice(0, -1)), toBase64(Uint8Array.from([...bytes, 0]))])
      expect(await checkElection(text, relied)).toMatchObject({ verdict: 'invalid', reason: 'malformed_proof' });
  });
});
