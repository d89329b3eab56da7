/**
 * What a trustee's worker does. The key is here and nowhere else: the page gets what is public, signed entries, and the key file only when
 * it is to be saved. Ending the worker forgets it.
 */
import { fromBase64, toBase64 } from '../../ballot/base64';
import { decode, encode, hex, Malformed } from '../../ballot/codec';
import { contextOf, definition as definitionCodec, type Definition } from '../../ballot/definition';
import { Refused, relyOn, type Trusted } from '../../ballot/finality';
import { newSeed, publicKey, sign } from '../../ballot/strict';
import type { Ask } from '../../audit/board';
import { type Entry, entryCodec, trusteeActBytes, type TrusteeStep } from '../../audit/entries';
import { type Asked, type Tell, verifyEverything } from '../../audit/everything';
import { require } from '../../audit/fault';
import { Ceremony, CeremonyRefusal, Dealer, DealerError, decodeRecord, opens, readKeyFile, type ShareOfKey, writeKeyFile } from '../../sealing/ceremony';
import type { CeremonyPhase } from '../../sealing/ceremony';
import { decrypt } from '../../sealing/decrypt';
import type { Aggregate } from '../../sealing/tally';

export type Task =
  | { do: 'make' }
  /** The bytes of the key file, to be saved. */
  | { do: 'file' }
  | { do: 'load'; file: Uint8Array }
  | { do: 'compare'; file: Uint8Array }
  | { do: 'attend'; id: string; definition: string; record: string; trusted: Trusted }
  /** Whether a file gives the part of the key that everyone knows of it. */
  | { do: 'check'; file: Uint8Array }
  | { do: 'verify'; asked: Asked }
  | { do: 'decrypt' };

/** A key that was made or loaded; null for what is no key file. */
export type Loaded = { publicKey: string } | null;

/** A ceremony of the network and the election, replayed here. */
export interface Attended {
  chain: string;
  genesis: string;
  definition: Definition;
  phase: CeremonyPhase;
  /** Trustees that take part, and those that are awaited, by number. */
  active: number[];
  missing: number[];
  transcript: string | null;
  /** The trustee whose key is loaded; null without a key, or with that of nobody here. */
  number: number | null;
  /** What this trustee has to say now, signed; in base64. */
  entry: string | null;
  /** Whether the key gives the part of the election's key that everyone knows of it. */
  isProved: boolean;
  /** Why this trustee cannot go on. */
  trouble: { code: string; dealer?: number } | null;
}

/** What would be decrypted, added up here. */
export interface Summed {
  ballots: number;
  weight: number;
  tests: number;
  least: number;
}

/** Why what the gateway shows is no ceremony to take part in. */
export class Lie extends Error {
  override readonly name = 'Lie';
}

interface Seat {
  chain: string;
  ceremony: Ceremony;
  definition: Definition;
}

export class Keeper {
  private key: Uint8Array | null = null;
  private seat: Seat | null = null;
  private ready: { share: ShareOfKey; sums: Aggregate; least: number; seat: Seat } | null = null;

  constructor(
    private readonly ask: Ask,
    private readonly tell: Tell,
  ) {}

  async perform(task: Task): Promise<unknown> {
    switch (task.do) {
      case 'make':
        return this.take(newSeed().seed);
      case 'file':
        return this.key && writeKeyFile(this.key);
      case 'load':
        return this.take(readKeyFile(task.file));
      case 'compare':
        return this.compare(task.file);
      case 'attend':
        return this.attend(task);
      case 'check':
        return this.check(task.file);
      case 'verify':
        return this.verify(task.asked);
      case 'decrypt':
        return this.decrypt();
    }
  }

  /** The key of a file takes the place of the one before; what is none leaves it. */
  private take(key: Uint8Array | null): Loaded {
    if (!key) return null;
    this.key = key;
    this.ready = null;
    return { publicKey: hex(publicKey(key)) };
  }

  private compare(file: Uint8Array): 'same' | 'other' | 'none' {
    const key = readKeyFile(file);
    if (!key) return 'none';
    return this.key !== null && hex(key) === hex(this.key) ? 'same' : 'other';
  }

  private async attend({ id, definition: told, record, trusted }: Extract<Task, { do: 'attend' }>): Promise<Attended> {
    const { definition, ceremony, chain, genesis } = await attended(id, told, record, trusted);
    const seat = { chain, ceremony, definition };
    this.seat = seat;
    const found: Attended = {
      chain,
      genesis,
      definition,
      phase: ceremony.phase,
      active: [...ceremony.active],
      missing: ceremony.missing(),
      transcript: ceremony.outcome()?.transcript ?? null,
      number: null,
      entry: null,
      isProved: false,
      trouble: null,
    };
    const key = this.key;
    const number = key ? ceremony.setup.trustees.indexOf(hex(publicKey(key))) + 1 : 0;
    if (!key || number === 0) return found;
    try {
      const dealer = Dealer.ofKey(ceremony.setup, key);
      const message = dealer.nextStep(ceremony);
      const entry = message && this.signed(seat, { message });
      return { ...found, number, entry, isProved: ceremony.phase === 'done' && proved(ceremony, dealer.finish(ceremony)) };
    } catch (error) {
      if (!(error instanceof DealerError)) throw error;
      return { ...found, number, trouble: { code: error.code, dealer: error.dealer } };
    }
  }

  /** The number of the trustee whose part of the key a file gives; null if it gives none. */
  private check(file: Uint8Array): number | null {
    const key = readKeyFile(file);
    if (!key || !this.seat) return null;
    const { ceremony } = this.seat;
    try {
      const dealer = Dealer.ofKey(ceremony.setup, key);
      return proved(ceremony, dealer.finish(ceremony)) ? dealer.index : null;
    } catch (error) {
      if (error instanceof DealerError) return null;
      throw error;
    }
  }

  /** Verifies everything, and keeps the sums that were added up here. */
  private async verify(asked: Asked): Promise<Summed> {
    this.ready = null;
    const { key } = this;
    const { replay, sums } = await verifyEverything(asked, this.ask, this.tell);
    const { ceremony, definition } = replay ?? {};
    require(key !== null && replay !== null && replay.phase === 'closed' && !!ceremony && !!definition?.sealing && sums !== null, 'decryption', 'wrong_phase');
    const share = Dealer.ofKey(ceremony.setup, key).finish(ceremony);
    require(proved(ceremony, share), 'seals', 'wrong_share');
    const { min_ballots: least } = definition.sealing;
    this.ready = { share, sums, least, seat: { chain: asked.chain, ceremony, definition } };
    return { ballots: Number(sums.ballots), weight: Number(sums.weight), tests: replay.challenged.size, least };
  }

  /** This trustee's part of what was verified, signed. */
  private decrypt(): string {
    if (!this.ready) throw new Lie('nothing was verified');
    const { share, sums, least, seat } = this.ready;
    return this.signed(seat, { part: decrypt(share, sums, least) });
  }

  private signed({ chain, definition }: Seat, step: TrusteeStep): string {
    if (!this.key) throw new Lie('no key is loaded');
    const content = { chain, election: definition.id, step, trustee: hex(publicKey(this.key)) };
    const entry: Entry = { kind: 'trustee', content, signature: hex(sign(this.key, trusteeActBytes(content))) };
    return toBase64(encode(entryCodec, entry));
  }
}

/** Whether a share is the one that everyone knows of. */
const proved = (ceremony: Ceremony, share: ShareOfKey): boolean => ceremony.outcome()?.trustees.some((known) => opens(share, known)) ?? false;

const MAX_DEFINITION_BYTES = 61_440;
const MAX_RECORD_BYTES = 1024 * 1024;

/** It must be of a network that this browser relies on, and of the definition that comes with it. */
async function attended(id: string, told: string, record: string, trusted: Trusted) {
  let genesis = '';
  try {
    const { chains } = await relyOn(trusted, (digest) => (genesis = digest));
    const definition = decode(definitionCodec, fromBase64(told, MAX_DEFINITION_BYTES), MAX_DEFINITION_BYTES);
    const { setup, events } = decodeRecord(fromBase64(record, MAX_RECORD_BYTES));
    const contexts = await Promise.all(chains.map((chain) => contextOf(definition, chain)));
    const chain = chains[contexts.indexOf(setup.context)];
    const { threshold, trustees } = definition.sealing ?? { threshold: 0, trustees: [] };
    const { parameters } = setup;
    const same =
      definition.id === id && parameters.trustees === trustees.length && parameters.threshold === threshold && setup.trustees.join() === trustees.map(({ key }) => key).join();
    if (chain === undefined || !same) throw new Lie('it is of another election, definition or network');
    return { definition, ceremony: Ceremony.replay({ setup, events }), chain, genesis };
  } catch (error) {
    if (error instanceof Refused || error instanceof Malformed) throw new Lie(error.message);
    if (error instanceof CeremonyRefusal) throw new Lie(`event ${error.event}: ${error.message}`);
    throw error;
  }
}
