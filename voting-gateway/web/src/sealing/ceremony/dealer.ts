/**
 * What a trustee does in a ceremony. Everything that it draws comes from its key and the ceremony, as with `voting trustee`: who keeps
 * the key file and finds the ceremony on the ledger needs no other backup, and can go on elsewhere.
 */
import { sha256 } from '@noble/hashes/sha2.js';

import { concat, hex, unhex } from '../../ballot/codec';
import { prefix } from '../../ballot/hash';
import { publicKey, sign } from '../../ballot/strict';
import { encodePoint, modulo, Point, times, toScalar } from '../group';
import { challenge, number16 } from '../transcript';
import { type CeremonySetup, messageBytes, type ProvenPoint, type SignedMessage, type Step } from './messages';
import { prove } from './proof';
import { CeremonyRefusal, DealerError } from './refusal';
import { type Route, openShare, sealShare } from './share';
import { Ceremony, type CeremonyPhase, commitment, type TrusteeKey } from './state';

/** z_l: a trustee's share of the secret key. */
export interface ShareOfKey {
  /** l, from 1. */
  index: number;
  secret: bigint;
  /** Z_l. */
  public: string;
}

/** Whether a share is the one that belongs to a trustee's key: a backup that was loaded again, and is the right one. */
export const opens = (share: ShareOfKey, key: TrusteeKey): boolean => share.index === key.index && share.public === key.public;

const PURPOSES = {
  coefficient: 'voting/sealed-dealer-coefficient/v1',
  transport: 'voting/sealed-dealer-transport/v1',
  nonce: 'voting/sealed-dealer-nonce/v1',
  ephemeral: 'voting/sealed-dealer-ephemeral/v1',
} as const;

/** The dealer's seed that comes from a trustee's key. */
export function seedOfKey(key: Uint8Array): Uint8Array {
  return sha256(concat(prefix('voting/sealed-dealer-seed/v1'), key));
}

/** A trustee with its secrets. */
export class Dealer {
  /** i, from 1. */
  readonly index: number;
  private readonly ceremony: string;
  /** a_i0 … a_i,t−1 */
  private readonly polynomial: bigint[];
  private readonly transport: bigint;
  private readonly points: { coefficients: ProvenPoint[]; transport: ProvenPoint };

  /** The trustee that signs with this key. The seed is secret and serves one ceremony. */
  constructor(
    setup: CeremonySetup,
    private readonly key: Uint8Array,
    private readonly seed: Uint8Array,
  ) {
    this.ceremony = new Ceremony(setup).hash;
    this.index = setup.trustees.indexOf(hex(publicKey(key))) + 1;
    if (this.index === 0) throw new DealerError('not_a_trustee');
    const { threshold } = setup.parameters;
    this.polynomial = Array.from({ length: threshold }, (_, j) => this.draw('coefficient', j));
    this.transport = this.draw('transport', 0);
    const proven = (coefficient: number | null, x: bigint): ProvenPoint =>
      prove(this.ceremony, { trustee: this.index, coefficient }, x, this.draw('nonce', coefficient ?? threshold));
    this.points = { coefficients: this.polynomial.map((a, j) => proven(j, a)), transport: proven(null, this.transport) };
  }

  /** The trustee whose seed is drawn from the key itself. */
  static ofKey(setup: CeremonySetup, key: Uint8Array): Dealer {
    return new Dealer(setup, key, seedOfKey(key));
  }

  /** What this trustee has to say now; null if the ceremony does not wait for it. */
  nextStep(ceremony: Ceremony): SignedMessage | null {
    this.expect(ceremony, ceremony.phase);
    if (!ceremony.missing().includes(this.index)) return null;
    switch (ceremony.phase) {
      case 'commit':
        return this.say({ do: 'commit', hash: commitment(this.ceremony, this.index, this.points.coefficients, this.points.transport) });
      case 'reveal':
        return this.say({ do: 'reveal', points: this.points });
      case 'deal':
        return this.deal(ceremony);
      case 'check':
        return this.say({ do: 'check', dealers: ceremony.active.filter((dealer) => this.shareFrom(ceremony, dealer) === null) });
      case 'open':
        return this.say({ do: 'open', shares: ceremony.complainers(this.index).map((recipient) => ({ recipient, share: toScalar(this.shareFor(recipient)) })) });
      case 'sign':
        this.addUp(ceremony);
        return this.say({ do: 'sign', hash: ceremony.transcript() });
      case 'done':
        return null;
    }
  }

  /** This trustee's share of the key, once all have signed. */
  finish(ceremony: Ceremony): ShareOfKey {
    this.expect(ceremony, 'done');
    const secret = this.addUp(ceremony);
    return { index: this.index, secret, public: encodePoint(times(Point.BASE, secret)) };
  }

  private draw(purpose: keyof typeof PURPOSES, number: number): bigint {
    return challenge(PURPOSES[purpose], this.seed, this.ceremony, number16(number));
  }

  private say(step: Step): SignedMessage {
    const message = { ceremony: this.ceremony, trustee: this.index, step };
    return { message, signature: hex(sign(this.key, messageBytes(message))) };
  }

  private expect(ceremony: Ceremony, phase: CeremonyPhase): void {
    if (ceremony.hash !== this.ceremony) throw new DealerError('other_ceremony');
    if (!ceremony.active.includes(this.index)) throw new DealerError('excluded');
    if (ceremony.phase !== phase) throw new DealerError('wrong_time');
  }

  /** A share for every other trustee that is left. */
  private deal(ceremony: Ceremony): SignedMessage {
    const others = ceremony.active.filter((other) => other !== this.index);
    const shares = others.map((recipient) => {
      const transport = ceremony.transport(recipient);
      if (!transport) throw new CeremonyRefusal('ceremony_phase', recipient);
      const route: Route = { ceremony: this.ceremony, dealer: this.index, recipient, transport: transport.point };
      return sealShare(route, this.shareFor(recipient), this.draw('ephemeral', recipient), transport.element);
    });
    return this.say({ do: 'deal', shares });
  }

  /** f_i(l). */
  private shareFor(recipient: number): bigint {
    return this.polynomial.reduceRight((sum, coefficient) => modulo(sum * BigInt(recipient) + coefficient), 0n);
  }

  /** f_i(l) from dealer i, if it was dealt or opened and fits the dealer's commitments. */
  private shareFrom(ceremony: Ceremony, dealer: number): bigint | null {
    if (dealer === this.index) return this.shareFor(dealer);
    const route: Route = { ceremony: this.ceremony, dealer, recipient: this.index, transport: this.points.transport.point };
    const dealt = ceremony.dealt(dealer, this.index);
    const share = ceremony.opened(dealer, this.index) ?? (dealt && openShare(route, dealt, this.transport));
    return share !== null && ceremony.shareFits(dealer, this.index, share) ? share : null;
  }

  /** z_l = Σ f_i(l). */
  private addUp(ceremony: Ceremony): bigint {
    return ceremony.active.reduce((sum, dealer) => {
      const share = this.shareFrom(ceremony, dealer);
      if (share === null) throw new DealerError('wrong_share', dealer);
      return modulo(sum + share);
    }, 0n);
  }
}

const MAX_KEY_FILE_BYTES = 1_024;

/** The seed in a trustee's key file, as `voting trustee keygen` writes it; null if it is none. */
export function readKeyFile(bytes: Uint8Array): Uint8Array | null {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_KEY_FILE_BYTES)).trim();
  return bytes.length <= MAX_KEY_FILE_BYTES && /^[0-9a-f]{64}$/.test(text) ? unhex(text) : null;
}

/** The same file. */
export const writeKeyFile = (key: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(`${hex(key)}\n`));
