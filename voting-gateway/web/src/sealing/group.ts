/**
 * Points and scalars of Ristretto255 (docs/SPEC.md, 20.1). In structures they are lower-case hexadecimal, which has one spelling; they
 * become elements where they are computed with. Big integers of a browser take time that depends on their values: this keeps secrets
 * from others on the board, not from who measures this very device.
 */
import { ristretto255 } from '@noble/curves/ed25519.js';

import { hex, unhex } from '../ballot/codec';
import { littleEndian, ORDER } from '../ballot/sealed';

export const { Point } = ristretto255;
export type Element = InstanceType<typeof Point>;

/** An element in its one encoding, or null. */
export function decodePoint(point: string): Element | null {
  try {
    return Point.fromBytes(unhex(point));
  } catch {
    return null;
  }
}

export const encodePoint = (element: Element): string => hex(element.toBytes());

/** Whether an encoding is that of the neutral element. */
export const isIdentity = (point: string): boolean => /^0+$/.test(point);

export const toBigInt = (scalar: string): bigint => littleEndian(unhex(scalar));

/** The encoding of a number modulo ℓ. */
export const toScalar = (value: bigint): string =>
  hex(unhex(modulo(value).toString(16).padStart(64, '0')).reverse());

export const modulo = (value: bigint): bigint => ((value % ORDER) + ORDER) % ORDER;

/** x·P for a secret x. */
export const times = (element: Element, x: bigint): Element => (x === 0n ? Point.ZERO : element.multiply(x));

/** x·P for numbers that everyone may see. */
export const timesPublic = (element: Element, x: bigint): Element => element.multiplyUnsafe(modulo(x));
