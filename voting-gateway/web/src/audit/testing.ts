/** For tests: a small network made up on the spot, with a sealed election from its definition to its result, and the gateway that shows it. */
import { toBase64 } from '../ballot/base64';
import { concat, encode, hex, unhex } from '../ballot/codec';
import type { Definition } from '../ballot/definition';
import { genesis as genesisCodec, type Genesis } from '../ballot/genesis';
import { blockHash, type Header } from '../ballot/ledger';
import { publicKey, sign } from '../ballot/strict';
import { certify, network, reliedOn } from '../ballot/testing';
import { Ceremony, Dealer } from '../sealing/ceremony';
import { decrypt } from '../sealing/decrypt';
import { Sealer } from '../sealing/seal';
import { draws } from '../sealing/testing';
import { type Ask, keyId } from './board';
import { type Bundle, writeBundle } from './bundle';
import { chainOf, ElectionReplay } from './election';
import { type Act, type Entry, entryCodec, signatureOf } from './entries';
import type { Asked } from './everything';
import { digestOf, leafOf, partsOf, rootOf } from './hashing';
import { type Report, reportDigest } from './report';
import { addUpSealed, decryptionOf, sumsOf } from './seals';

const ID = '7a'.repeat(16);
const seed = (number: number): Uint8Array => new Uint8Array(32).fill(number);
const OFFICER = seed(100);
const REGISTRAR = seed(90);
const trusteeSeed = (number: number): Uint8Array => seed(50 + number);
const voterSeed = (number: number): Uint8Array => seed(20 + number);

export const definitionOf = (change: Partial<Definition> = {}): Definition => ({
  id: ID,
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
      options: [{ name: 'Yes' }, { name: 'No' }],
    },
  ],
  start_date: '2030-01-01T00:00:00.000Z',
  end_date: '2030-01-02T00:00:00.000Z',
  timing: 'officer',
  revote: 'last-counts',
  secrecy: 'sealed',
  results: 'public',
  registrar: hex(publicKey(REGISTRAR)),
  created_by: 'Office',
  sealing: { threshold: 2, min_ballots: 3, trustees: [1, 2, 3].map((number) => ({ name: `Trustee ${number}`, key: hex(publicKey(trusteeSeed(number))) })) },
  ...change,
});

export class World {
  readonly genesis: Genesis = network(4, 3);
  readonly genesisDigest = digestOf('voting/genesis/v1', genesisCodec, this.genesis);
  readonly chain = chainOf(this.genesisDigest, 0);
  readonly blocks: Bundle['blocks'] = [];
  replay = new ElectionReplay(ID, this.chain, new Set(this.genesis.officers.map(({ key }) => key)), { number: 0, of: 1 });
  report: Report | null = null;
  /** Entries that cast ballots, as the board has them. */
  ballots: Uint8Array[] = [];
  private parent = { view: 0n, hash: '00'.repeat(32) };
  private sequences = new Map<number, number>();
  private random = draws('world');

  constructor(readonly definition: Definition = definitionOf()) {}

  /** Puts entries into the next block. */
  async append(...entries: Entry[]): Promise<void> {
    const height = BigInt(this.blocks.length + 1);
    this.replay.begin({ height, time: 2_000_000_000_000n + height, epoch: this.genesis.epoch }, this.parent.hash);
    const items = entries.map((entry) => ({ own: encode(entryCodec, entry) }));
    const hashes = items.map(({ own }) => partsOf('voting/entry/v1', own));
    for (const [at, entry] of entries.entries()) this.replay.apply(entry, hashes[at] ?? '');
    for (const [at, entry] of entries.entries()) if (entry.kind === 'cast') this.ballots.push(items[at]?.own ?? new Uint8Array());
    const header: Header = {
      chain: this.chain,
      epoch: 0,
      view: height,
      height,
      parent: this.parent,
      payloadRoot: hex(rootOf(hashes.map((hash) => leafOf(unhex(hash))))),
      entries: entries.length,
      stateRoot: hex(this.replay.summaryLeaf()),
      timestamp: 2_000_000_000_000n + height,
      preference: null,
      successor: null,
    };
    this.parent = { view: height, hash: await blockHash(header) };
    const statement = { kind: 'finalize', view: height, block: this.parent.hash } as const;
    this.blocks.push({ header, certificate: certify(this.chain, statement, [0, 1, 2]), tail: [], items });
  }

  signed(entry: Omit<Entry, 'signature'>, secret: Uint8Array): Entry {
    const unsigned = { ...entry, signature: '00'.repeat(64) } as Entry;
    return { ...unsigned, signature: hex(sign(secret, signatureOf(unsigned).bytes)) };
  }

  act(act: Act, officer = OFFICER): Promise<void> {
    const content = { chain: this.chain, election: ID, sequence: this.replay.acts + 1, act, officer: hex(publicKey(officer)) };
    return this.append(this.signed({ kind: 'act', content } as Entry, officer));
  }

  certification(numbers: readonly number[], weight = 1n): Entry {
    const voters = numbers.map((number) => ({ pseudonym: hex(seed(200 + number)), key: hex(publicKey(voterSeed(number))), weight }));
    return this.signed({ kind: 'certify', content: { chain: this.chain, election: ID, voters, registrar: hex(publicKey(REGISTRAR)) } } as Entry, REGISTRAR);
  }

  /** A sealed ballot of a voter, for an option or blank. */
  prepared(voter: number, option: number | null) {
    if (!this.replay.seal) throw new Error('there is no key yet');
    const sequence = (this.sequences.get(voter) ?? 0) + 1;
    this.sequences.set(voter, sequence);
    return new Sealer(this.replay.seal.sealing).seal(hex(publicKey(voterSeed(voter))), sequence, [option === null ? 'blank' : { marks: [option] }], this.random);
  }

  castEntry(voter: number, option: number | null): Entry {
    return this.signed({ kind: 'cast', content: this.prepared(voter, option).cast() } as Entry, voterSeed(voter));
  }

  challengeEntry(voter: number, option: number): Entry {
    const content = this.prepared(voter, option).challenge();
    return this.signed({ kind: 'challenge', content } as Entry, voterSeed(voter));
  }

  /** From the draft to an open election with three certified voters. */
  async open(absent: readonly number[] = []): Promise<this> {
    await this.act({ do: 'define', definition: this.definition });
    await this.act({ do: 'roll', size: 4n });
    await this.append(this.certification([1, 2, 3]));
    await this.act({ do: 'advance', to: 'ready' });
    for (;;) {
      const ceremony = this.replay.ceremony as Ceremony;
      if (ceremony.phase === 'done') break;
      const next = ceremony.missing().find((number) => !absent.includes(number));
      if (next === undefined) {
        await this.act({ do: 'close ceremony phase' });
        continue;
      }
      const message = this.dealer(next).nextStep(ceremony);
      if (!message) throw new Error('nothing to say');
      await this.append(this.trusteeEntry(next, { message }));
    }
    await this.act({ do: 'advance', to: 'scheduled' });
    await this.act({ do: 'advance', to: 'open' });
    return this;
  }

  dealer(number: number): Dealer {
    const { ceremony } = this.replay;
    if (!ceremony) throw new Error('there is no ceremony');
    return Dealer.ofKey(ceremony.setup, trusteeSeed(number));
  }

  trusteeEntry(number: number, step: object): Entry {
    const content = { chain: this.chain, election: ID, step, trustee: hex(publicKey(trusteeSeed(number))) };
    return this.signed({ kind: 'trustee', content } as Entry, trusteeSeed(number));
  }

  close(): Promise<void> {
    return this.act({ do: 'advance', to: 'closed' });
  }

  async sums() {
    const { seal } = this.replay;
    if (!seal) throw new Error('there is no key');
    return addUpSealed(this.replay, seal, async () => undefined);
  }

  async decryptBy(...numbers: number[]): Promise<void> {
    const aggregate = await this.sums();
    for (const number of numbers) {
      const part = decrypt(this.dealer(number).finish(this.replay.ceremony as Ceremony), aggregate, 1, this.random);
      await this.append(this.trusteeEntry(number, { part }));
    }
  }

  /** States the count, as the authorities would. */
  async tally(): Promise<void> {
    const { seal } = this.replay;
    const { sealing } = this.definition;
    if (!seal || !sealing) throw new Error('not sealed');
    const aggregate = await this.sums();
    const decryption = decryptionOf(this.replay, seal, sealing, aggregate);
    if (!decryption) throw new Error('not decrypted');
    const sums = sumsOf(this.definition, aggregate, decryption);
    this.report = {
      election: ID,
      seed: this.replay.seed ?? '',
      contests: this.definition.contests.map(({ title, method, seats, options }, at) => {
        const { options: votes = [], ballots = 0n, weight = 0n, blank = 0n } = sums[at] ?? {};
        const lines = options.map(({ name }, option) => ({ option, name, votes: votes[option] ?? 0n, total: { units: votes[option] ?? 0n, decimals: 0 }, seats: 0 }));
        return { title, method, seats, options: lines, counts: { ballots, weight, blank, undervotes: 0n, overvotes: 0n, rankings: 0n }, decidedByLot: [], verdict: null };
      }),
    };
    await this.act({ do: 'tally', report: reportDigest(this.report) });
  }

  bundle(): Bundle {
    const { replay } = this;
    return {
      opening: { genesis: this.genesis, partition: 0, handovers: [], election: ID },
      blocks: [...this.blocks],
      closing: {
        manifest: {
          blocks: BigInt(this.blocks.length),
          certificates: BigInt(this.blocks.length),
          foreign: 0n,
          acts: BigInt(replay.acts),
          certifications: BigInt(replay.certifications),
          ballots: BigInt(replay.ballots.size),
          rollSize: replay.rollSize,
          certified: BigInt(replay.voters.size),
          voted: BigInt(replay.voted.length),
          phase: replay.phase,
        },
        path: [],
        report: this.report,
      },
    };
  }

  /** A board of these entries, signed by these authorities. */
  checkpoint(entries: readonly Uint8Array[] = this.ballots, signers = [0, 1, 2]): string {
    const origin = `voting/${this.chain}/${ID}`;
    const text = `${origin}\n${entries.length}\n${toBase64(rootOf(entries.map(leafOf)))}\n`;
    const lines = signers.map((number) => {
      const secret = seed(number + 1);
      const id = keyId(origin, publicKey(secret));
      return `— ${origin} ${toBase64(concat(id, sign(secret, new TextEncoder().encode(text))))}\n`;
    });
    return `${text}\n${lines.join('')}`;
  }

  published(): object {
    return {
      report: this.replay.report,
      contests: (this.report?.contests ?? []).map(({ counts, options }, contest) => ({
        ballots: Number(counts.ballots),
        weight: Number(counts.weight),
        blank: Number(counts.blank),
        options: options.map(({ option, votes }) => ({ id: `${contest}-${option}`, votes: Number(votes) })),
      })),
    };
  }

  /** The gateway; some of its answers may be exchanged. */
  ask(exchanged: Record<string, Uint8Array | null> = {}): Ask {
    const width = this.ballots.length;
    const tile = (level: string) => `/board/${ID}/tile/${level}/000.p/${width}`;
    const answers: Record<string, Uint8Array | null> = {
      [`/board/${ID}/checkpoint`]: new TextEncoder().encode(this.checkpoint()),
      [tile('0')]: concat(...this.ballots.map(leafOf)),
      [tile('entries')]: entriesTile(this.ballots),
      [`/elections/${ID}/bundle`]: writeBundle(this.bundle()),
      [`/elections/${ID}/results`]: new TextEncoder().encode(JSON.stringify(this.published())),
      ...exchanged,
    };
    return async (path) => {
      const answer = answers[path];
      if (answer === undefined) throw new Error(`nothing at ${path}`);
      return answer;
    };
  }

  asked(): Asked {
    return { id: ID, chain: this.chain, definition: this.definition, phase: this.replay.phase, trusted: reliedOn(encode(genesisCodec, this.genesis)) };
  }
}

export const entriesTile = (entries: readonly Uint8Array[]): Uint8Array => concat(...entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]));

/** An election that was counted: three ballots, one of them replaced, one opened, one trustee absent at the decryption. */
export async function countedWorld(): Promise<World> {
  const world = await new World().open();
  await world.append(world.castEntry(1, 0), world.castEntry(2, 1));
  await world.append(world.challengeEntry(3, 0), world.castEntry(3, null));
  await world.append(world.castEntry(2, 0));
  await world.close();
  await world.decryptBy(1, 3);
  await world.tally();
  return world;
}
