/** Voting in a sealed election without a browser's worker: what is believed, what is sealed, what is kept. */
import 'fake-indexeddb/auto';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../../api/problem';
import type { Election } from '../../../api/types';
import { openBallot, type Selection } from '../../../ballot/ballot';
import { fromBase64, toBase64 } from '../../../ballot/base64';
import { decode, encode, hex } from '../../../ballot/codec';
import { contextOf } from '../../../ballot/definition';
import { electionProof, stateRoot, type Summary } from '../../../ballot/election';
import { chainId, genesisDigest } from '../../../ballot/genesis';
import { pending } from '../../../ballot/pending';
import { encodedGenesis, network, receiptOf } from '../../../ballot/testing';
import { publicKey, verify } from '../../../ballot/strict';
import { ballotContext, challengeBytes, challengeCodec, electionHash, verify as verifyBallot } from '../../../sealing';
import type { BallotError } from '../../../ballot/ballot';
import { certifiedAsShown } from '../shown';
import { certified } from './certified';
import type { Sealer } from './sealer';
import { newTasks, type Answer, type SealTask } from './task';
import { SealedVoting } from './voting';

const gateway = vi.hoisted(() => ({ proof: '', challenges: [] as string[], refuse: null as unknown, keys: [] as string[] }));
vi.mock('../../../services/sealing', () => ({
  getElectionProof: async () => gateway.proof,
  postChallenge: async (_: string, entry: string) => {
    gateway.challenges.push(entry);
    if (gateway.refuse) throw gateway.refuse;
  },
}));
vi.mock('../../../services/votes', () => ({ certifyKey: async (_: string, key: string) => void gateway.keys.push(key) }));

/** The worker's tasks, done at once. */
class Here implements Sealer {
  perform = newTasks();
  forgotten = 0;
  /** Exchanges what is to be sealed. */
  constructor(private readonly cheat = (task: Omit<SealTask, 'do'>) => task) {}
  async seal(task: Omit<SealTask, 'do'>) {
    const answer = this.perform({ do: 'seal', ...this.cheat(task) });
    if ('sealed' in answer) return answer.sealed;
    throw new Problem({ code: 'seal_failed', status: 422, detail: 'failed' in answer ? answer.failed : '' });
  }
  async open() {
    const answer: Answer = this.perform({ do: 'open' });
    if ('opened' in answer) return answer.opened;
    throw new Problem({ code: 'seal_failed', status: 422 });
  }
  forget() {
    this.perform = newTasks();
    this.forgotten += 1;
  }
}

const four = network(4, 3);
const relied = encodedGenesis(four);
const trusted = async () => relied;
/** Any point of the group will do as the key: nobody decrypts here. */
const KEY = 'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76';
const CHOICE: Selection[] = [{ marks: [1] }];
let election: Election;

async function proofOf(context: string, id = election.id): Promise<string> {
  const summary: Summary = { id, context, phase: 'open', acts: 4, rollSize: 3n, certified: 0n, ballots: 0n, voted: 0n, log: '0f'.repeat(32) };
  const root = await stateRoot(summary, []);
  const { headers, certificate } = await receiptOf(four, [0, 1, 2], { change: (header) => ({ ...header, stateRoot: root }) });
  return toBase64(encode(electionProof, { summary, path: [], headers, certificate }));
}

beforeAll(async () => {
  const trustee = (number: number) => ({ number, name: `Trustee ${number}`, key: hex(publicKey(new Uint8Array(32).fill(number))), fingerprint: '', active: true, decrypted: false });
  const defined = {
    id: '7a'.repeat(16),
    title: 'Shed',
    description: '',
    contests: [
      {
        title: 'Shall we?',
        method: 'plurality',
        seats: 1,
        min: 1,
        max: 1,
        allow_blank: true,
        max_score: 0,
        thresholds: { majority: 'most-votes', quorum_percent: 0 },
        withdrawn: [],
        options: [{ name: 'Yes' }, { name: 'No' }, { name: 'Later' }],
      },
    ],
    start_date: '2030-01-01T00:00:00.000Z',
    end_date: '2030-01-02T00:00:00.000Z',
    timing: 'officer',
    revote: 'first-counts',
    secrecy: 'sealed',
    results: 'public',
    registrar: '33'.repeat(32),
    created_by: 'Office',
    chain: await chainId(await genesisDigest(four), 0),
    sealing: {
      threshold: 2,
      min_ballots: 3,
      trustees: [1, 2, 3].map(trustee),
      ceremony: 'done',
      waits_for: [],
      key: KEY,
      ceremony_hash: 'ce'.repeat(64),
      roll_root: '44'.repeat(32),
      authorities: '55'.repeat(32),
      challenged: 0,
      decrypted: false,
    },
  };
  election = defined as unknown as Election;
  const context = (await contextOf(election, election.chain)) ?? '';
  const { ceremony_hash: ceremony, roll_root, authorities } = defined.sealing;
  const hash = electionHash({ parameters: { trustees: 3, threshold: 2 }, context, key: KEY, ceremony, roll_root, authorities });
  election = { ...election, context, ballot_context: ballotContext(hash) };
});
beforeEach(async () => {
  Object.assign(gateway, { proof: await proofOf(election.ballot_context), challenges: [], refuse: null, keys: [] });
});

describe('what ballots are sealed to', () => {
  const judged = async (shown: Election, proof = gateway.proof) => certified(shown, proof, trusted, () => true);
  const refused = (shown: Election, proof?: string) => judged(shown, proof).then(() => 'believed', (error: Problem) => error.code);
  const sealing = () => election.sealing!;

  it('is computed from what is shown, and certified', async () => {
    expect(await judged(election)).toMatchObject({ context: election.ballot_context, signers: 3, all: 4, sealing: { key: KEY, id: election.id } });
  });

  it.each<[string, () => Election]>([
    ['another key', () => ({ ...election, sealing: { ...sealing(), key: '6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919' } })],
    ['another name', () => ({ ...election, sealing: { ...sealing(), trustees: sealing().trustees.map((one) => ({ ...one, name: `${one.name}!` })) } })],
    ['the key of another trustee', () => ({ ...election, sealing: { ...sealing(), trustees: sealing().trustees.map((one) => ({ ...one, key: '66'.repeat(32) })) } })],
    ['trustees in another order', () => ({ ...election, sealing: { ...sealing(), trustees: [...sealing().trustees].reverse() } })],
    ['one trustee less', () => ({ ...election, sealing: { ...sealing(), trustees: sealing().trustees.slice(1) } })],
    ['another threshold', () => ({ ...election, sealing: { ...sealing(), threshold: 1 } })],
    ['another minimum', () => ({ ...election, sealing: { ...sealing(), min_ballots: 1 } })],
    ['another ceremony', () => ({ ...election, sealing: { ...sealing(), ceremony_hash: '00'.repeat(64) } })],
    ['another roll', () => ({ ...election, sealing: { ...sealing(), roll_root: '00'.repeat(32) } })],
    ['other authorities', () => ({ ...election, sealing: { ...sealing(), authorities: '00'.repeat(32) } })],
    ['another option', () => ({ ...election, contests: election.contests.map((one) => ({ ...one, options: [...one.options].reverse() })) })],
    ['no sealing', () => ({ ...election, sealing: undefined })],
    ['openness', () => ({ ...election, secrecy: 'open' })],
    ['no digits', () => ({ ...election, sealing: { ...sealing(), ceremony_hash: 'zz' } })],
  ])('is not believed with %s', async (_, lie) => {
    expect(await refused(lie())).toBe('seal_differs');
  });

  it('is not believed without a proof, or with that of something else', async () => {
    expect(await refused(election, await proofOf('00'.repeat(32)))).toBe('seal_differs');
    expect(await refused(election, await proofOf(election.context))).toBe('seal_differs');
    expect(await refused(election, await proofOf(election.ballot_context, '7b'.repeat(16)))).toBe('seal_differs');
    expect(await refused(election, 'AAAA')).toBe('seal_unproven');
    expect(await refused({ ...election, sealing: { ...sealing(), key: undefined } })).toBe('seal_no_key');
    expect(await certified(election, gateway.proof, trusted, () => false).catch((error: Problem) => error.code)).toBe('seal_other_network');
  });
});

describe('an open election', () => {
  const open = () => ({ ...election, secrecy: 'open', sealing: undefined }) as Election;
  const refused = async (shown: Election, proof: string, known = true) =>
    certifiedAsShown(shown, proof, trusted, () => known).then(() => 'believed', (error: BallotError) => error.code);

  it('is signed for only if a quorum has certified it', async () => {
    const shown = open();
    expect(await refused(shown, await proofOf(shown.context))).toBe('believed');
    // The sealed election that it is: what is certified is another context.
    expect(await refused(shown, gateway.proof)).toBe('wrong_context');
    expect(await refused(shown, await proofOf(shown.context, '7b'.repeat(16)))).toBe('wrong_context');
    expect(await refused({ ...shown, chain: '00'.repeat(32) }, await proofOf(shown.context))).toBe('wrong_context');
    expect(await refused(shown, await proofOf(shown.context), false)).toBe('wrong_context');
    expect(await refused(shown, 'AAAA')).toBe('wrong_context');
  });
});

describe('a sealed ballot', () => {
  it('is an ordinary ballot that says nothing in clear, in memory and in the browser', async () => {
    const sealer = new Here();
    const voting = new SealedVoting('account', sealer);
    const { ballot } = await voting.seal(election, CHOICE, trusted);
    expect(ballot.selections).toHaveLength(1);
    expect(Object.keys(ballot.selections[0] ?? {})).toEqual(['sealed']);
    const read = await openBallot(fromBase64(ballot.base64, 61_504), '');
    expect(read.hash).toBe(ballot.hash);
    const known = await certified(election, gateway.proof, trusted, () => true);
    verifyBallot(known.sealing, { election: election.id, context: election.ballot_context, voter: ballot.voter, sequence: 1, selections: ballot.selections });
    expect(gateway.keys).toEqual([ballot.voter]);

    const before = { ...localStorage };
    await pending.save('account', ballot);
    const kept = await pending.load('account', election.id);
    expect(JSON.stringify(kept?.selections)).not.toMatch(/marks|value|randomness/);
    expect(hex(kept?.bytes ?? new Uint8Array())).toBe(hex(ballot.bytes));
    expect({ ...localStorage }).toEqual(before);

    // Once the decision is made nothing can open it any more.
    voting.forget();
    await expect(voting.open(ballot, CHOICE)).rejects.toMatchObject({ code: 'seal_failed' });
    expect(gateway.challenges).toEqual([]);
    expect(JSON.stringify(voting)).not.toMatch(/marks|randomness/);
  });

  it('is another one each time, under one key', async () => {
    const voting = new SealedVoting('account', new Here());
    const [first, second] = [await voting.seal(election, CHOICE, trusted), await voting.seal(election, CHOICE, trusted)];
    expect(first.ballot.hash).not.toBe(second.ballot.hash);
    expect(first.ballot.voter).toBe(second.ballot.voter);
  });

  it('is not made where the gateway lies, and the key is not even certified', async () => {
    const voting = new SealedVoting('account', new Here());
    gateway.proof = await proofOf('00'.repeat(32));
    await expect(voting.seal(election, CHOICE, trusted)).rejects.toMatchObject({ code: 'seal_differs' });
    expect(gateway.keys).toEqual([]);
  });

  it('is opened by a challenge that its voter signs, once', async () => {
    const voting = new SealedVoting('account', new Here());
    const { ballot } = await voting.seal(election, CHOICE, trusted);
    gateway.refuse = new Problem({ code: 'network', status: 0 });
    await expect(voting.open(ballot, CHOICE)).rejects.toMatchObject({ code: 'network' });
    // The answer was lost, and the challenge was not.
    gateway.refuse = new Problem({ code: 'ballot_voided', status: 409 });
    expect(await voting.open(ballot, CHOICE)).toEqual({ held: CHOICE, holds: true });
    const [first = '', second] = gateway.challenges;
    expect(second).toBe(first);
    const entry = fromBase64(first, 65_536);
    expect(entry[0]).toBe(7);
    const challenge = decode(challengeCodec, entry.subarray(1, -64), 65_536);
    expect(challenge.opening[0]?.map(({ value }) => value)).toEqual([0, 1, 0, 0]);
    const voter = Uint8Array.from(ballot.voter.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    expect(verify(voter, challengeBytes(challenge), entry.subarray(-64))).toBe(true);
  });

  it('that a gateway refuses to open is not called opened', async () => {
    const voting = new SealedVoting('account', new Here());
    const { ballot } = await voting.seal(election, CHOICE, trusted);
    gateway.refuse = new Problem({ code: 'too_many_challenges', status: 422 });
    await expect(voting.open(ballot, CHOICE)).rejects.toMatchObject({ code: 'too_many_challenges' });
  });

  it('that holds something else is found out', async () => {
    const voting = new SealedVoting('account', new Here((task) => ({ ...task, selections: [{ marks: [0] }] })));
    const { ballot } = await voting.seal(election, CHOICE, trusted);
    expect(await voting.open(ballot, CHOICE)).toEqual({ held: [{ marks: [0] }], holds: false });
  });
});

describe('the worker', () => {
  it('opens the ballot sealed last, once, and says why it could not seal', async () => {
    const { sealing } = await certified(election, gateway.proof, trusted, () => true);
    const perform = newTasks();
    const seal = { do: 'seal' as const, election: sealing, voter: '77'.repeat(32), sequence: 1 };
    expect(perform({ do: 'open' })).toHaveProperty('failed');
    expect(perform({ ...seal, selections: [{ marks: [9] }] })).toHaveProperty('failed');
    expect(Object.keys(perform({ ...seal, selections: ['blank'] }))).toEqual(['sealed']);
    expect(perform({ do: 'open' })).toMatchObject({ opened: { held: ['blank'] } });
    expect(perform({ do: 'open' })).toHaveProperty('failed');
  });
});
