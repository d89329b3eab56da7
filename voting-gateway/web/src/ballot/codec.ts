/**
 * The primitive encodings of the specification (section 1): a reader that never trusts a length it has merely read, a
 * writer, and codecs that say the form of a structure once for both directions.
 */

/** Bytes that are not the canonical encoding of anything. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Takes bytes from the front; what is claimed must have arrived. */
export class Reader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new Malformed(`${length} bytes are claimed, ${this.left} are left`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** An unsigned little-endian number of at most 4 bytes. */
  number(size: 1 | 2 | 4): number {
    return this.take(size).reduceRight((value, byte) => value * 256 + byte, 0);
  }
}

/** Collects bytes. */
export class Writer {
  private buffer = new Uint8Array(256);
  private length = 0;

  bytes(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = needed;
  }

  number(size: 1 | 2 | 4, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** size)
      throw new RangeError(`${value} does not fit ${size} bytes`);
    this.bytes(Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** at)));
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }
}

/** How values of one type stand in bytes. */
export interface Codec<T> {
  read(from: Reader): T;
  write(to: Writer, value: T): void;
}

const unsigned = (size: 1 | 2 | 4): Codec<number> => ({
  read: (from) => from.number(size),
  write: (to, value) => to.number(size, value),
});

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u32 = unsigned(4);

export const u64: Codec<bigint> = {
  read(from) {
    const low = BigInt(from.number(4));
    return low + (BigInt(from.number(4)) << 32n);
  },
  write(to, value) {
    if (value < 0n || value >> 64n !== 0n) throw new RangeError(`${value} does not fit 8 bytes`);
    to.number(4, Number(value & 0xffff_ffffn));
    to.number(4, Number(value >> 32n));
  },
};

export const bool: Codec<boolean> = {
  read(from) {
    const byte = from.number(1);
    if (byte > 1) throw new Malformed(`${byte} is no truth value`);
    return byte === 1;
  },
  write: (to, value) => to.number(1, value ? 1 : 0),
};

export const text: Codec<string> = {
  read(from) {
    const bytes = from.take(from.number(4));
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Malformed('a text is not UTF-8');
    }
  },
  write(to, value) {
    const bytes = new TextEncoder().encode(value);
    to.number(4, bytes.length);
    to.bytes(bytes);
  },
};

/** Exactly so many bytes; in memory their lower-case hexadecimal, which compares by `===`. */
export function fixed(length: number): Codec<string> {
  return {
    read: (from) => hex(from.take(length)),
    write(to, value) {
      if (value.length !== 2 * length) throw new RangeError(`${value.length} digits, there must be ${2 * length}`);
      to.bytes(unhex(value));
    },
  };
}

/** A count and that many items. Every item takes at least a byte, so a false count ends with the input. */
export function vec<T>(item: Codec<T>): Codec<T[]> {
  return {
    read(from) {
      const count = from.number(4);
      if (count > from.left) throw new Malformed(`${count} items are claimed, ${from.left} bytes are left`);
      return Array.from({ length: count }, () => item.read(from));
    },
    write(to, value) {
      to.number(4, value.length);
      for (const one of value) item.write(to, one);
    },
  };
}

export function opt<T>(item: Codec<T>): Codec<T | null> {
  return {
    read: (from) => (bool.read(from) ? item.read(from) : null),
    write(to, value) {
      bool.write(to, value !== null);
      if (value !== null) item.write(to, value);
    },
  };
}

/** Fields in the order in which they are named. */
export function struct<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    read: (from) => Object.fromEntries(names.map((name) => [name, fields[name].read(from)])) as T,
    write(to, value) {
      for (const name of names) fields[name].write(to, value[name]);
    },
  };
}

/** A value that takes no bytes. */
export function constant<T>(value: T): Codec<T> {
  return { read: () => value, write: () => undefined };
}

/** The number of the variant in one byte, then what the variant has. `which` tells the variant of a value. */
export function enumeration<T>(variants: readonly Codec<T>[], which: (value: T) => number): Codec<T> {
  return {
    read(from) {
      const number = from.number(1);
      const variant = variants[number];
      if (!variant) throw new Malformed(`there is no variant ${number}`);
      return variant.read(from);
    },
    write(to, value) {
      const number = which(value);
      const variant = variants[number];
      if (!variant) throw new RangeError('a value of no variant');
      to.number(1, number);
      variant.write(to, value);
    },
  };
}

/** An enumeration of mere names. */
export function names<T extends string>(...all: readonly T[]): Codec<T> {
  return enumeration<T>(all.map(constant), (name) => all.indexOf(name));
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** Canonical decoding: not longer than the type's bound, nothing behind the value, and the same bytes when encoded again. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, limit: number): T {
  if (bytes.length > limit) throw new Malformed(`${bytes.length} bytes, at most ${limit} are allowed`);
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  if (reader.left > 0) throw new Malformed(`${reader.left} bytes follow the value`);
  if (!equal(encode(codec, value), bytes)) throw new Malformed('not canonical');
  return value;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Only lower-case digits: every identifier has one spelling. */
export function unhex(digits: string): Uint8Array<ArrayBuffer> {
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/.test(digits)) throw new RangeError('not lower-case hexadecimal');
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
