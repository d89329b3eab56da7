// @vitest-environment node
/** Everything that is verified of an election, and everything that a gateway may change about it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { codeOfHash } from '../ballot/code';
import { encode, hex, unhex } from '../ballot/codec';
import { genesis as genesisCodec } from '../ballot/genesis';
import { reliedOn } from '../ballot/testing';
import { ballotHash } from '../sealing';
import { type Bundle, readBundle, writeBundle } from './bundle';
import { decodeEntry, entryCodec } from './entries';
import { type Asked, type Progress, verifyEverything } from './everything';
import { Fault } from './fault';
import { digestOf, leafOf } from './hashing';
import { ballotsIn, codeIn, replayLedger } from './ledger';
import { addUp } from './selection';
import { compareReport } from './result';
import { openedBallot } from './opened';
import { countedWorld, definitionOf, entriesTile, World } from './testing';

let world: World;
beforeAll(async () => {
  world = await countedWorld();
});

const quiet = async (): Promise<void> => undefined;
const ID = '7a'.repeat(16);
const verified = (exchanged: Record<string, Uint8Array | null> = {}, asked: Partial<Asked> = {}, of = world) =>
  verifyEverything({ ...of.asked(), ...asked }, of.ask(exchanged), quiet);
const faultOf = async (exchanged: Record<string, Uint8Array | null> = {}, asked: Partial<Asked> = {}, of = world): Promise<Fault> => {
  const fault = await verified(exchanged, asked, of).then(() => null, (error: unknown) => error);
  if (!(fault instanceof Fault)) throw fault ?? new Error('nothing was wrong');
  return fault;
};
const told = ({ check, code, ballots }: Fault) => [check, code, ballots];
const codes = () => world.ballots.map(codeIn);
const text = (note: string): Uint8Array => new TextEncoder().encode(note);
const tile = (level: string, width = world.ballots.length) => `/board/${ID}/tile/${level}/000.p/${width}`;
const CHECKPOINT = `/board/${ID}/checkpoint`;
const BUNDLE = `/elections/${ID}/bundle`;
const RESULTS = `/elections/${ID}/results`;
const bundleWith = (change: (bundle: Bundle) => void): Uint8Array => {
  const bundle = readBundle(writeBundle(world.bundle()));
  change(bundle);
  return writeBundle(bundle);
};
/** The blocks of a bundle with ballots, by place. */
const castBlocks = (bundle: Bundle) => bundle.blocks.filter(({ items }) => items.some((item) => 'own' in item && item.own[0] === 2));

describe('an election that was counted', () => {
  it('holds, with what was found told, and progress on the way', async () => {
    const steps: Progress[] = [];
    const { verified: found, sums } = await verifyEverything(world.asked(), world.ask(), async (progress) => void steps.push(progress));
    expect(found).toEqual({
      genesis: world.genesisDigest,
      signers: ['authority-0', 'authority-1', 'authority-2'],
      authorities: 4,
      onBoard: 4,
      ledger: {
        phase: 'tallied',
        blocks: world.blocks.length,
        voters: 3,
        ballots: 4,
        counted: 3,
        sealed: true,
        tests: 1,
        parts: 2,
        totals: [{ options: [2, 0], blank: 1 }],
        compared: true,
      },
    });
    expect(sums?.ballots).toBe(3n);
    expect([...new Set(steps.map(({ check }) => check))]).toEqual(['board', 'ledger', 'seals', 'decryption', 'result']);
    expect(steps.filter(({ check }) => check === 'seals').at(-1)).toEqual({ check: 'seals', done: 4, of: 4 });
  });

  it('is read and written byte for byte', () => {
    const bytes = writeBundle(world.bundle());
    expect(hex(writeBundle(readBundle(bytes)))).toBe(hex(bytes));
    for (const [at, what] of [[0, 'not a bundle'], [16, 'no opening'], [bytes.length - 1, 'truth value']] as const) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      expect(() => readBundle(changed), what).toThrow(what);
    }
    expect(() => readBundle(bytes.slice(0, -1))).toThrow('claimed');
  });

  it('is not compared with figures that this reader may not see, and says so', async () => {
    expect((await verified({ [RESULTS]: null })).verified.ledger?.compared).toBe(false);
  });
});

describe('before the close', () => {
  it('verifies what there is, and tells no sums', async () => {
    const open = await new World().open();
    await open.append(open.castEntry(1, 0), open.castEntry(2, 1), open.castEntry(3, 1));
    const { verified: found } = await verified({}, {}, open);
    expect(found.ledger).toMatchObject({ phase: 'open', ballots: 3, counted: 3, totals: null, compared: false, parts: 0 });
    await open.close();
    await open.decryptBy(2);
    expect((await verified({}, {}, open)).verified.ledger).toMatchObject({ phase: 'closed', parts: 1, totals: null });
    await open.decryptBy(1);
    expect((await verified({}, {}, open)).verified.ledger).toMatchObject({ parts: 2, totals: null });
    // An older state, validly signed, is no state of an election that is shown as closed.
    expect(told(await faultOf({}, { phase: 'tallied' }, open))).toEqual(['ledger', 'older_bundle', []]);
  });

  it('shows nothing but hashes to those who may not see ballots', async () => {
    // That ballots are hidden is believed of an open election alone.
    const open = { definition: definitionOf({ secrecy: 'open', sealing: undefined }) };
    expect((await verified({ [tile('entries')]: null }, open)).verified).toMatchObject({ onBoard: 4, ledger: null });
    expect(told(await faultOf({ [tile('entries')]: null }))).toEqual(['board', 'wrong_tile', []]);
    const hashes = world.ballots.map(leafOf);
    hashes[2] = new Uint8Array(32);
    expect(told(await faultOf({ [tile('entries')]: null, [tile('0')]: new Uint8Array(hashes.flatMap((hash) => [...hash])) }))).toEqual(['board', 'wrong_root', []]);
  });

  it('goes on without a trustee who was left out of the ceremony', async () => {
    const left = await new World().open([2]);
    await left.append(left.castEntry(1, 0), left.castEntry(2, 1), left.castEntry(3, 1));
    await left.close();
    await left.decryptBy(1, 3);
    await left.tally();
    expect((await verified({}, {}, left)).verified.ledger?.totals).toEqual([{ options: [1, 2], blank: 0 }]);
  });
});

describe('a board that lies', () => {
  it('by changing a ballot is caught, with its code', async () => {
    const changed = [...world.ballots];
    const entry = (changed[1] as Uint8Array).slice();
    entry[500] = (entry[500] ?? 0) ^ 1;
    changed[1] = entry;
    const fault = await faultOf({ [tile('entries')]: entriesTile(changed) });
    expect(told(fault)).toEqual(['board', 'wrong_entry', [codes()[1]]]);
    expect(fault.details.detail).toBe('2');
    // With hashes to match, the root is another.
    const hashes = new Uint8Array(changed.map(leafOf).flatMap((hash) => [...hash]));
    expect(told(await faultOf({ [tile('entries')]: entriesTile(changed), [tile('0')]: hashes }))).toEqual(['board', 'wrong_root', [codes()[1]]]);
  });

  it('by leaving a ballot out is caught, with its code', async () => {
    for (const out of [0, 2, 3]) {
      const left = world.ballots.filter((_, at) => at !== out);
      expect(told(await faultOf({ [tile('entries')]: entriesTile(left) }))).toEqual(['board', 'wrong_entry', [codes()[out]]]);
    }
    // A board that was once signed, before the last ballot came.
    const older = world.ballots.slice(0, 3);
    const answers = { [CHECKPOINT]: text(world.checkpoint(older)), [tile('0', 3)]: new Uint8Array(older.map(leafOf).flatMap((hash) => [...hash])), [tile('entries', 3)]: entriesTile(older) };
    expect(told(await faultOf(answers))).toEqual(['board', 'left_out', [codes()[3]]]);
  });

  it('with too few signatures, of others, or of another log is no board', async () => {
    const note = world.checkpoint();
    const doubled = note + note.slice(note.lastIndexOf('— '));
    expect(told(await faultOf({ [CHECKPOINT]: text(world.checkpoint(world.ballots, [0, 1])) }))).toEqual(['board', 'checkpoint_quorum', []]);
    expect(told(await faultOf({ [CHECKPOINT]: text(world.checkpoint(world.ballots, [0, 1, 7, 8])) }))).toEqual(['board', 'checkpoint_quorum', []]);
    expect(told(await faultOf({ [CHECKPOINT]: text(world.checkpoint(world.ballots, [0, 0, 0])) }))).toEqual(['board', 'checkpoint_quorum', []]);
    expect((await verified({ [CHECKPOINT]: text(doubled) })).verified.signers).toHaveLength(3);
    expect(told(await faultOf({ [CHECKPOINT]: text(note.replaceAll(world.chain, '00'.repeat(32))) }))).toEqual(['board', 'wrong_log', []]);
    for (const broken of ['', note.slice(0, -1), note.replace('\n4\n', '\n04\n'), note.replace('\n4\n', '\n-4\n')])
      expect((await faultOf({ [CHECKPOINT]: text(broken) })).code).toBe('malformed_checkpoint');
    expect(told(await faultOf({ [CHECKPOINT]: text(note.replace('\n4\n', '\n3\n')) }))).toEqual(['board', 'checkpoint_quorum', []]);
    expect(told(await faultOf({ [tile('0')]: new Uint8Array(5) }))).toEqual(['board', 'wrong_tile', []]);
    const stranger = { ...world.genesis, network: 'other' };
    expect((await faultOf({}, { trusted: reliedOn(encode(genesisCodec, stranger)) })).code).toBe('other_network');
  });
});

describe('a bundle that lies', () => {
  it('by leaving a ballot out is caught, with its code', async () => {
    const dropped = bundleWith((bundle) => castBlocks(bundle)[0]?.items.splice(0, 1));
    expect(told(await faultOf({ [BUNDLE]: dropped }))).toEqual(['ledger', 'other_entries', [codes()[0]]]);
    // Called one of another election.
    const hidden = bundleWith((bundle) => {
      const block = castBlocks(bundle)[0];
      const [first] = block?.items ?? [];
      if (block && first && 'own' in first) block.items[0] = { foreign: digestOfEntry(first.own) };
    });
    expect(told(await faultOf({ [BUNDLE]: hidden }))).toEqual(['complete', 'other_state', [codes()[0]]]);
    // Changed: the code is that of the ballot on the board, which the authorities have signed.
    const changed = bundleWith((bundle) => {
      const [first] = castBlocks(bundle)[0]?.items ?? [];
      if (first && 'own' in first) first.own[400] = (first.own[400] ?? 0) ^ 1;
    });
    expect(told(await faultOf({ [BUNDLE]: changed }))).toEqual(['ledger', 'other_entries', [codes()[0]]]);
    // The last one: nothing on the board follows it.
    const last = bundleWith((bundle) => castBlocks(bundle)[2]?.items.splice(0, 1));
    expect(told(await faultOf({ [BUNDLE]: last }))).toEqual(['complete', 'other_state', [codes()[3]]]);
  });

  it('by changing anything else is caught', async () => {
    const of = async (change: (bundle: Bundle) => void) => {
      const { check, code } = await faultOf({ [BUNDLE]: bundleWith(change) });
      return `${check} ${code}`;
    };
    const block = (bundle: Bundle, at: number) => bundle.blocks.at(at) as Bundle['blocks'][0];
    expect(await of((bundle) => (bundle.opening.genesis.network = 'other'))).toBe('ledger other_network');
    expect(await of((bundle) => (bundle.opening.election = '00'.repeat(16)))).toBe('ledger other_election');
    expect(await of((bundle) => bundle.blocks.splice(1, 1))).toBe('ledger broken_link');
    expect(await of((bundle) => bundle.blocks.pop())).toBe('complete other_counts');
    expect(await of((bundle) => (block(bundle, 3).header.timestamp += 1n))).toBe('ledger other_statement');
    expect(await of((bundle) => (block(bundle, -1).certificate = null))).toBe('ledger no_certificate');
    expect(await of((bundle) => block(bundle, -1).certificate?.signatures.pop())).toBe('ledger no_quorum');
    expect(await of((bundle) => (bundle.closing.manifest.voted = 2n))).toBe('complete other_counts');
    expect(await of((bundle) => (bundle.closing.report = null))).toBe('result no_report');
    expect(await of((bundle) => ((bundle.closing.report?.contests[0]?.options[0] as { votes: bigint }).votes = 3n))).toBe('result other_report');
    expect((await faultOf({ [BUNDLE]: new Uint8Array(40) })).code).toBe('malformed_bundle');
    expect((await faultOf({ [BUNDLE]: null })).code).toBe('no_bundle');
  });

  const digestOfEntry = (own: Uint8Array): string => {
    const entry = decodeEntry(own);
    return digestOf('voting/entry/v1', entryCodec, entry);
  };
});

describe('what is shown beside', () => {
  it('must be what was verified', async () => {
    expect(told(await faultOf({}, { definition: definitionOf({ title: 'Other' }) }))).toEqual(['life', 'other_definition', []]);
    const shown = (change: (shown: { report: string; contests: { blank: number; options: { id: string; votes: number }[] }[] }) => void): Uint8Array => {
      const published = structuredClone(world.published()) as Parameters<typeof change>[0];
      change(published);
      return text(JSON.stringify(published));
    };
    expect((await faultOf({ [RESULTS]: shown(({ contests }) => ((contests[0]?.options[0] as { votes: number }).votes = 3)) })).code).toBe('shown_sum');
    expect((await faultOf({ [RESULTS]: shown(({ contests }) => ((contests[0] as { blank: number }).blank = 0)) })).code).toBe('shown_counts');
    expect((await faultOf({ [RESULTS]: shown((published) => (published.report = '00'.repeat(32))) })).code).toBe('shown_report');
    expect((await faultOf({ [RESULTS]: text('{') })).code).toBe('shown_report');
  });
});

/** What authorities that lie together could put on the ledger, and a verifier must not accept. */
describe('a ledger that breaks the rules', () => {
  const opened = async () => new World().open();
  /** Everything else is in order: this entry alone is looked at. */
  const refusal = async (act: (of: World) => Promise<unknown>, of?: World): Promise<string> => {
    try {
      await act(of ?? (await opened()));
      return '';
    } catch (error) {
      if (error instanceof Fault) return `${error.check} ${error.code}`;
      throw error;
    }
  };

  it('is refused at the entry', async () => {
    const ballot = await opened();
    await ballot.append(ballot.castEntry(1, 0));
    expect(await refusal((of) => of.act({ do: 'advance', to: 'tallied' }))).toBe('life wrong_phase');
    expect(await refusal((of) => of.act({ do: 'roll', size: 9n }))).toBe('life wrong_phase');
    expect(await refusal((of) => of.act({ do: 'cancel', reason: 'x' }, new Uint8Array(32).fill(4)))).toBe('life not_an_officer');
    expect(await refusal((of) => of.append(of.certification([1])))).toBe('voters already_certified');
    expect(await refusal((of) => of.append(of.certification([4, 5])))).toBe('voters roll_full');
    expect(await refusal((of) => of.append(of.certification([4], 0n)))).toBe('voters invalid_weight');
    expect(await refusal((of) => of.append(of.certification([4], 999_999_999n)))).toBe('voters sealed_weight');
    expect(await refusal((of) => of.append(of.castEntry(4, 0)))).toBe('voters key_not_certified');
    expect(await refusal(async (of) => of.append(...[of.castEntry(1, 0)].flatMap((entry) => [entry, entry])))).toBe('ballots duplicate_ballot');
    expect(await refusal((of) => of.append({ ...of.castEntry(2, 0), content: { ...(of.castEntry(2, 0).content as object), context: '00'.repeat(32) } } as never))).toBe('ballots wrong_context');
    expect(await refusal(async (of) => of.append(of.challengeEntry(1, 0), of.trusteeEntry(1, { part: { aggregate: '00'.repeat(64), trustee: 1, contests: [] } })))).toBe('decryption wrong_phase');
    expect(await refusal((of) => of.act({ do: 'close ceremony phase' }))).toBe('life wrong_phase');
    const first = await new World(definitionOf({ revote: 'first-counts' })).open();
    expect(await refusal((of) => of.append(of.castEntry(1, 0), of.castEntry(1, 1)), first)).toBe('ballots already_voted');
  });

  it('is refused for a ballot that was opened, and for ciphertexts that come again', async () => {
    const of = await opened();
    const prepared = of.prepared(1, 0);
    const challenge = prepared.challenge();
    if (!challenge) throw new Error('not opened');
    const sign = (kind: string, content: unknown) => of.signed({ kind, content } as never, new Uint8Array(32).fill(21));
    await of.append(sign('challenge', challenge));
    expect(await refusal(() => of.append(sign('cast', challenge.ballot)))).toBe('tests ballot_voided');
    expect(await refusal(() => of.append(sign('cast', { ...challenge.ballot, sequence: 9 })))).toBe('ballots ciphertext_seen');
    const wrong = of.prepared(1, 0).challenge();
    const opening = wrong?.opening.map((contest) => contest.map((one) => ({ ...one, value: 1 - one.value })));
    expect(await refusal(() => of.append(sign('challenge', { ...wrong, opening })))).toBe('tests sealed_opening');
  });

  it('is refused for a proof that does not hold, with the ballot’s code', async () => {
    const of = await opened();
    const entry = of.castEntry(2, 1);
    const forged = structuredClone(entry) as { content: { selections: { sealed: { limit: { response: string }[] } }[] } };
    const [branch] = forged.content.selections[0]?.sealed.limit ?? [];
    if (branch) branch.response = '01'.padEnd(64, '0');
    await of.append(of.castEntry(1, 0), of.signed(forged as never, new Uint8Array(32).fill(22)), of.castEntry(3, 0));
    const code = codeOfHash(ballotHash(forged.content as never));
    expect(told(await faultOf({}, {}, of))).toEqual(['seals', 'sealed_limit', [code]]);
  });

  it('is refused for a part of the decryption that does not hold, and for a count that the parts do not give', async () => {
    const of = await opened();
    await of.append(of.castEntry(1, 0), of.castEntry(2, 1), of.castEntry(3, 1));
    await of.close();
    await of.decryptBy(1);
    const part = (of.replay.parts[0] as NonNullable<(typeof of.replay.parts)[0]>);
    await of.append(of.trusteeEntry(2, { part: { ...part, trustee: 2 } }));
    expect(await faultOf({}, {}, of)).toMatchObject({ check: 'decryption', code: 'sealed_decryption_proof', details: { trustee: 2 } });
    const early = await opened();
    await early.append(early.castEntry(1, 0), early.castEntry(2, 1), early.castEntry(3, 1));
    await early.close();
    await early.act({ do: 'tally', report: '00'.repeat(32) });
    expect(await faultOf({}, {}, early)).toMatchObject({ check: 'decryption', code: 'not_decrypted' });
  });
});

describe('a test of the seal', () => {
  const asked = (of: World, code: string) => ({ id: ID, code, trusted: of.asked().trusted });

  it('is found by its code, and what the ballot held is computed anew', async () => {
    const of = await new World().open();
    const [opened, cast] = [of.challengeEntry(1, 1), of.castEntry(1, 0)];
    await of.append(opened, cast);
    if (opened.kind !== 'challenge' || cast.kind !== 'cast') throw new Error('other entries');
    const code = codeOfHash(ballotHash(opened.content.ballot));
    const found = await openedBallot(asked(of, code), of.ask(), quiet);
    expect(found).toMatchObject({ genesis: of.genesisDigest, title: 'Shed', held: [{ marks: [1] }] });
    expect(found.contests).toEqual(of.definition.contests.map((contest) => ({ ...contest, options: contest.options.map(({ name }) => ({ name, description: '' })) })));
    expect((await openedBallot(asked(of, codeOfHash(ballotHash(cast.content))), of.ask(), quiet)).held).toBe('cast');
    expect((await openedBallot(asked(of, codeOfHash('00'.repeat(32))), of.ask(), quiet)).held).toBe('unknown');
    // A gateway that exchanges what opens it shows another ledger than the one certified.
    const bundle = readBundle(writeBundle(of.bundle()));
    const last = bundle.blocks.at(-1)?.items[0];
    if (last && 'own' in last) last.own[last.own.length - 70] = (last.own.at(-70) ?? 0) ^ 1;
    const lie = openedBallot(asked(of, code), of.ask({ [BUNDLE]: writeBundle(bundle) }), quiet);
    await expect(lie).rejects.toThrow('other_entries');
    await expect(openedBallot({ ...asked(of, code), trusted: reliedOn(new Uint8Array(2)) }, of.ask(), quiet)).rejects.toThrow('other_network');
  });
});

describe('an open election of the library’s vectors', () => {
  it('holds, and its report has the sums added up here', async () => {
    const bundle = readBundle(new Uint8Array(readFileSync(join(import.meta.dirname, '../../../../voting-core/tests/vectors/election.bundle'))));
    const genesis = digestOf('voting/genesis/v1', genesisCodec, bundle.opening.genesis);
    const chain = bundle.blocks[0]?.header.chain ?? '';
    const replay = await replayLedger(bundle, { id: bundle.opening.election, chain, genesis }, quiet);
    const { definition } = replay;
    if (!definition || !bundle.closing.report) throw new Error('another vector');
    const ballots = replay.voted.map(({ weight, counted }) => ({ weight, selections: counted?.ballot.selections ?? [] }));
    const sums = addUp(definition.contests, ballots);
    compareReport(bundle.closing.report, replay, definition, sums);
    expect(ballotsIn(bundle).map(({ code }) => code).every((code) => /^[0-9A-Z-]{39}$/.test(code))).toBe(true);
    const [contest] = sums;
    if (contest) contest.options[0] = (contest.options[0] ?? 0n) + 1n;
    expect(() => compareReport(bundle.closing.report as never, replay, definition, sums)).toThrow('other_sum');
    const changed = unhex(hex(writeBundle(bundle)));
    expect(hex(changed)).toBe(hex(writeBundle(readBundle(changed))));
  });
});
