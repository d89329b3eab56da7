/** What trustees say in a key ceremony, in bytes (docs/SPEC.md, 20.3). Pure forms: nothing is judged here. */
import { type Codec, constant, decode, encode, enumeration, fixed, struct, u16, u32, vec } from '../../ballot/codec';
import { tagged } from '../../ballot/hash';
import { point, scalar } from '../../ballot/sealed';
import { parametersHash, type SealedElection } from '../params';
import { hash, number32 } from '../transcript';

/** Who takes part, for which election. */
export interface CeremonySetup {
  parameters: SealedElection['parameters'];
  /** The definition in its chain. */
  context: string;
  /** Which ceremony of this definition. */
  attempt: number;
  /** The keys that trustees sign with; trustee l is at place l − 1. */
  trustees: string[];
}

/** X = xG with a proof that its owner knows x. */
export interface ProvenPoint {
  point: string;
  commitment: string;
  response: string;
}

/** f_i(l), encrypted to trustee l. */
export interface EncryptedShare {
  recipient: number;
  ephemeral: string;
  sealed: string;
}

/** f_i(l) in clear, because trustee l complained. */
export interface OpenedShare {
  recipient: number;
  share: string;
}

export interface Reveal {
  coefficients: ProvenPoint[];
  transport: ProvenPoint;
}

export type Step =
  | { do: 'commit'; hash: string }
  | { do: 'reveal'; points: Reveal }
  | { do: 'deal'; shares: EncryptedShare[] }
  | { do: 'check'; dealers: number[] }
  | { do: 'open'; shares: OpenedShare[] }
  | { do: 'sign'; hash: string };

export interface CeremonyMessage {
  /** H_C. */
  ceremony: string;
  /** i, from 1. */
  trustee: number;
  step: Step;
}

export interface SignedMessage {
  message: CeremonyMessage;
  signature: string;
}

/** A message, or that the phase was closed with trustees missing. */
export type RecordEvent = SignedMessage | 'close';

export interface CeremonyRecord {
  setup: CeremonySetup;
  events: RecordEvent[];
}

const sealedHash = fixed(64);
const proven = struct<ProvenPoint>({ point, commitment: point, response: scalar });
export const reveal: Codec<Reveal> = struct<Reveal>({ coefficients: vec(proven), transport: proven });
export const encryptedShares: Codec<EncryptedShare[]> = vec(struct<EncryptedShare>({ recipient: u16, ephemeral: point, sealed: fixed(48) }));
export const openedShares: Codec<OpenedShare[]> = vec(struct<OpenedShare>({ recipient: u16, share: scalar }));
export const numbers: Codec<number[]> = vec(u16);

const STEPS = ['commit', 'reveal', 'deal', 'check', 'open', 'sign'] as const;

/** A step is its one field; what it is called is told by the number of the variant. */
function only<D extends Step['do'], F extends string, T>(does: D, field: F, codec: Codec<T>): Codec<Step> {
  return {
    read: (from) => ({ do: does, [field]: codec.read(from) }) as unknown as Step,
    write: (to, value) => codec.write(to, (value as unknown as Record<F, T>)[field]),
  };
}

const step: Codec<Step> = enumeration<Step>(
  [
    only('commit', 'hash', sealedHash),
    only('reveal', 'points', reveal),
    only('deal', 'shares', encryptedShares),
    only('check', 'dealers', numbers),
    only('open', 'shares', openedShares),
    only('sign', 'hash', sealedHash),
  ],
  (value) => STEPS.indexOf(value.do),
);

const message: Codec<CeremonyMessage> = struct<CeremonyMessage>({ ceremony: sealedHash, trustee: u16, step });
export const signedMessage: Codec<SignedMessage> = struct<SignedMessage>({ message, signature: fixed(64) });

const parameters = struct<CeremonySetup['parameters']>({ trustees: u16, threshold: u16 });
const setup: Codec<CeremonySetup> = struct<CeremonySetup>({ parameters, context: fixed(32), attempt: u32, trustees: vec(fixed(32)) });

const record: Codec<CeremonyRecord> = struct<CeremonyRecord>({
  setup,
  events: vec(enumeration<RecordEvent>([signedMessage as Codec<RecordEvent>, constant('close')], (event) => (event === 'close' ? 1 : 0))),
});

const MAX_RECORD_BYTES = 1024 * 1024;

export const decodeRecord = (bytes: Uint8Array): CeremonyRecord => decode(record, bytes, MAX_RECORD_BYTES);
export const encodeRecord = (value: CeremonyRecord): Uint8Array<ArrayBuffer> => encode(record, value);

/** What a trustee signs. */
export const messageBytes = (value: CeremonyMessage): Uint8Array<ArrayBuffer> => tagged('voting/sealed-ceremony/v1', message, value);

/** H_C: what messages and proofs of the ceremony are bound to. */
export const setupHash = ({ parameters, context, attempt, trustees }: CeremonySetup): string =>
  hash('voting/sealed-ceremony-setup/v1', parametersHash(parameters), context, number32(attempt), ...trustees);
