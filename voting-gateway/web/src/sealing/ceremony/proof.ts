/** Proofs that a trustee knows the discrete logarithms of its points (docs/SPEC.md, 20.3). */
import { decodePoint, type Element, encodePoint, isIdentity, Point, times, timesPublic, toBigInt, toScalar } from '../group';
import { challenge, number16 } from '../transcript';
import type { ProvenPoint } from './messages';
import { CeremonyRefusal } from './refusal';

/** Which point of which trustee: coefficient j, or the transport key. */
export interface Place {
  trustee: number;
  coefficient: number | null;
}

function challengeOf(ceremony: string, { trustee, coefficient }: Place, point: string, commitment: string): bigint {
  return coefficient === null
    ? challenge('voting/sealed-transport/v1', ceremony, number16(trustee), point, commitment)
    : challenge('voting/sealed-coefficient/v1', ceremony, number16(trustee), number16(coefficient), point, commitment);
}

/** Proves knowledge of x with the randomness u. */
export function prove(ceremony: string, place: Place, x: bigint, u: bigint): ProvenPoint {
  const [point, commitment] = [encodePoint(times(Point.BASE, x)), encodePoint(times(Point.BASE, u))];
  const c = challengeOf(ceremony, place, point, commitment);
  return { point, commitment, response: toScalar(u - c * x) };
}

/** The point, if the proof holds: R = vG + cX. */
export function verifyPoint(ceremony: string, place: Place, { point, commitment, response }: ProvenPoint): Element {
  const { trustee } = place;
  if (isIdentity(point)) throw new CeremonyRefusal('sealed_identity', trustee);
  const [element, committed] = [decodePoint(point), decodePoint(commitment)];
  if (!element || !committed) throw new CeremonyRefusal('sealed_point', trustee);
  const c = challengeOf(ceremony, place, point, commitment);
  const recomputed = timesPublic(Point.BASE, toBigInt(response)).add(timesPublic(element, c));
  if (!recomputed.equals(committed)) throw new CeremonyRefusal('ceremony_proof', trustee);
  return element;
}
