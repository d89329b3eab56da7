/** Bundles (docs/SPEC.md, section 17): one election with everything that proves it, frame by frame. */
import { type Codec, concat, decode, encode, enumeration, fixed, Malformed, opt, Reader, struct, u16, u32, u64, vec } from '../ballot/codec';
import { type PathStep, statePath } from '../ballot/election';
import { type Handover, handover } from '../ballot/epochs';
import { type Genesis, genesis } from '../ballot/genesis';
import { type Certificate, certificate, type Header, header } from '../ballot/ledger';
import { MAX_ENTRY_BYTES, type Phase, phase } from './entries';
import { report, type Report } from './report';

export interface Opening {
  genesis: Genesis;
  partition: number;
  handovers: Handover[];
  election: string;
}

/** The hash of another election's entry, or an entry of this one. */
export type Item = { foreign: string } | { own: Uint8Array };

export interface BundleBlock {
  header: Header;
  certificate: Certificate | null;
  tail: Header[];
  items: Item[];
}

export interface Manifest {
  blocks: bigint;
  certificates: bigint;
  foreign: bigint;
  acts: bigint;
  certifications: bigint;
  ballots: bigint;
  rollSize: bigint;
  certified: bigint;
  voted: bigint;
  phase: Phase;
}

export interface Closing {
  manifest: Manifest;
  path: PathStep[];
  report: Report | null;
}

export interface Bundle {
  opening: Opening;
  blocks: BundleBlock[];
  closing: Closing;
}

const opening = struct<Opening>({ genesis, partition: u16, handovers: vec(handover), election: fixed(16) });

const entryBytes: Codec<Uint8Array> = {
  read(from) {
    const length = u32.read(from);
    if (length > MAX_ENTRY_BYTES) throw new Malformed(`an entry of ${length} bytes`);
    return from.take(length);
  },
  write(to, bytes) {
    u32.write(to, bytes.length);
    to.bytes(bytes);
  },
};

const item: Codec<Item> = enumeration<Item>(
  [struct<{ foreign: string }>({ foreign: fixed(32) }), struct<{ own: Uint8Array }>({ own: entryBytes })] as unknown as Codec<Item>[],
  (value) => ('foreign' in value ? 0 : 1),
);
const block = struct<BundleBlock>({ header, certificate: opt(certificate), tail: vec(header), items: vec(item) });
const manifest = struct<Manifest>({
  blocks: u64,
  certificates: u64,
  foreign: u64,
  acts: u64,
  certifications: u64,
  ballots: u64,
  rollSize: u64,
  certified: u64,
  voted: u64,
  phase,
});

const closing = struct<Closing>({ manifest, path: statePath, report: opt(report) });

const MAGIC = 'voting/bundle/v1';
const MAX_BYTES = { opening: 4_259_862, block: 4_385_805, closing: 4_198_400 };

/** Reads a bundle; throws `Malformed` on anything else. */
export function readBundle(bytes: Uint8Array): Bundle {
  const reader = new Reader(bytes);
  if (new TextDecoder().decode(reader.take(MAGIC.length)) !== MAGIC) throw new Malformed('not a bundle of this version');
  const frame = <T>(codec: Codec<T>, limit: number): T => decode(codec, reader.take(u32.read(reader)), limit);
  if (reader.number(1) !== 0) throw new Malformed('the first frame is no opening');
  const first = frame(opening, MAX_BYTES.opening);
  const blocks: BundleBlock[] = [];
  for (;;) {
    const kind = reader.number(1);
    if (kind === 1) {
      blocks.push(frame(block, MAX_BYTES.block));
      continue;
    }
    if (kind !== 2) throw new Malformed(`a frame of kind ${kind}`);
    const last = frame(closing, MAX_BYTES.closing);
    if (reader.left > 0) throw new Malformed('bytes follow the end');
    if (blocks.length === 0) throw new Malformed('there is no block');
    return { opening: first, blocks, closing: last };
  }
}

/** The bytes of a bundle. */
export function writeBundle({ opening: first, blocks, closing: last }: Bundle): Uint8Array<ArrayBuffer> {
  const frame = <T>(kind: number, codec: Codec<T>, value: T): Uint8Array => {
    const content = encode(codec, value);
    return concat(Uint8Array.of(kind), encode(u32, content.length), content);
  };
  return concat(new TextEncoder().encode(MAGIC), frame(0, opening, first), ...blocks.map((one) => frame(1, block, one)), frame(2, closing, last));
}
