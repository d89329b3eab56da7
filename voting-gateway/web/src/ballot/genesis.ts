/**
 * The genesis of a network (section 7 of the specification): who the authorities are and how many make a quorum. It is what a
 * receipt is judged by.
 */
import {
  type Codec,
  constant,
  decode,
  encode,
  enumeration,
  fixed,
  struct,
  text,
  u16,
  u32,
  u64,
  unhex,
  vec,
} from './codec';
import { digest, parts } from './hash';
import { isLine } from './text';

const TAG = 'voting/genesis/v1';
const MAX_BYTES = 65_536;
const MAX_AUTHORITIES = 100;
const MAX_OFFICERS = 64;
const MAX_NAME_BYTES = 100;

export interface NamedKey {
  name: string;
  key: string;
}

export type LeaderPolicy = 'fixed' | 'elected' | { term: number };

export interface Timers {
  leaderTimeout: number;
  viewTimeout: number;
  timeoutMax: number;
  standstill: number;
}

export interface Epoch {
  number: number;
  authorities: NamedKey[];
  quorum: number;
  leader: LeaderPolicy;
  timers: Timers;
}

export interface Genesis {
  network: string;
  foundedAt: bigint;
  epoch: Epoch;
  officers: NamedKey[];
  partitions: number;
}

const namedKey: Codec<NamedKey> = struct({ name: text, key: fixed(32) });

const leaderPolicy: Codec<LeaderPolicy> = enumeration<LeaderPolicy>(
  [constant('fixed'), struct<{ term: number }>({ term: u32 }), constant('elected')],
  (policy) => (typeof policy === 'object' ? 1 : policy === 'fixed' ? 0 : 2),
);

export const epoch: Codec<Epoch> = struct<Epoch>({
  number: u32,
  authorities: vec(namedKey),
  quorum: u16,
  leader: leaderPolicy,
  timers: struct<Timers>({ leaderTimeout: u32, viewTimeout: u32, timeoutMax: u32, standstill: u32 }),
});

export function epochDigest(value: Epoch): Promise<string> {
  return digest('voting/epoch/v1', epoch, value);
}

export const genesis: Codec<Genesis> = struct<Genesis>({
  network: text,
  foundedAt: u64,
  epoch,
  officers: vec(namedKey),
  partitions: u16,
});

export function decodeGenesis(bytes: Uint8Array): Genesis {
  return decode(genesis, bytes, MAX_BYTES);
}

/** The digest by which people pin a network. */
export function genesisDigest(value: Genesis): Promise<string> {
  return digest(TAG, genesis, value);
}

export function chainId(genesisDigest: string, partition: number): Promise<string> {
  return parts('voting/chain/v1', unhex(genesisDigest), encode(u16, partition));
}

const distinct = (values: string[]) => new Set(values).size === values.length;

async function areNamedKeys(list: NamedKey[]): Promise<boolean> {
  const { isUsableKey } = await import('./strict');
  return list.every(({ name, key }) => isLine(name, MAX_NAME_BYTES) && isUsableKey(unhex(key)));
}

/** Whether everything holds that the specification asks of an epoch. */
export async function isUsableEpoch({ authorities, quorum, leader, timers }: Epoch): Promise<boolean> {
  return (
    authorities.length >= 1 &&
    authorities.length <= MAX_AUTHORITIES &&
    distinct(authorities.map(({ name }) => name)) &&
    distinct(authorities.map(({ key }) => key)) &&
    2 * quorum > authorities.length &&
    quorum <= authorities.length &&
    !(typeof leader === 'object' && leader.term === 0) &&
    timers.leaderTimeout > 0 &&
    timers.leaderTimeout <= timers.viewTimeout &&
    timers.viewTimeout <= timers.timeoutMax &&
    timers.standstill > 0 &&
    (await areNamedKeys(authorities))
  );
}

/** Whether everything holds that the specification asks of a genesis. */
export async function isUsableGenesis({ network, epoch, officers, partitions }: Genesis): Promise<boolean> {
  return (
    isLine(network, MAX_NAME_BYTES) &&
    epoch.number === 0 &&
    officers.length >= 1 &&
    officers.length <= MAX_OFFICERS &&
    partitions >= 1 &&
    (await isUsableEpoch(epoch)) &&
    (await areNamedKeys(officers))
  );
}
