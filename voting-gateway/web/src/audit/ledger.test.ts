// @vitest-environment node
/** Ledgers whose authorities changed on the way, as the Rust crates write them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { genesis as genesisCodec } from '../ballot/genesis';
import { type Bundle, readBundle, writeBundle } from './bundle';
import { chainOf } from './election';
import { Fault } from './fault';
import { digestOf } from './hashing';
import { replayLedger } from './ledger';

const read = (name: string): Bundle => readBundle(readFileSync(join(import.meta.dirname, '../../../../fuzz/corpus/core_bundle', name)));
const quiet = async (): Promise<void> => undefined;

async function replayed(bundle: Bundle) {
  const genesis = digestOf('voting/genesis/v1', genesisCodec, bundle.opening.genesis);
  return replayLedger(bundle, { id: bundle.opening.election, chain: chainOf(genesis, bundle.opening.partition), genesis }, quiet);
}

/** The code of what is found in a bundle in which something is changed. */
async function found(bundle: Bundle, change: (bundle: Bundle) => void): Promise<string> {
  const changed = readBundle(writeBundle(bundle));
  change(changed);
  const fault = await replayed(changed).then(() => null, (error: unknown) => error);
  if (!(fault instanceof Fault)) throw fault ?? new Error('nothing was found');
  return fault.code;
}

describe.each(['seed-known-0', 'seed-known-1'])('an election through which the authorities changed twice: %s', (name) => {
  const bundle = read(name);
  const epochs = new Set(bundle.blocks.map(({ header }) => header.epoch));

  it('holds, each block by those who were in office', async () => {
    expect([...epochs]).toEqual([0, 1, 2]);
    expect(bundle.opening.handovers).toHaveLength(2);
    const replay = await replayed(bundle);
    expect(replay.phase).toBe(name === 'seed-known-0' ? 'open' : 'published');
    expect([replay.ballots.size, replay.voted.length]).toEqual([3, 3]);
  });

  it('does not, where a handover is missing, out of order, or not signed by a quorum of those before', async () => {
    expect(await found(bundle, ({ opening }) => opening.handovers.pop())).toBe('other_chain');
    expect(await found(bundle, ({ opening }) => opening.handovers.reverse())).toBe('invalid_genesis');
    expect(await found(bundle, ({ opening }) => opening.handovers[1]?.certificate.signatures.splice(2))).toBe('invalid_genesis');
  });

  it('does not, where the last block is certified by too few, or the last of an epoch is', async () => {
    expect(await found(bundle, ({ blocks }) => blocks.at(-1)?.certificate?.signatures.splice(1))).toBe('no_quorum');
    const ends = bundle.blocks.findIndex(({ header }) => header.successor !== null);
    expect(ends).toBeGreaterThan(0);
    expect(await found(bundle, ({ blocks }) => blocks[ends]?.certificate?.signatures.splice(1))).toBe('no_quorum');
  });
});
