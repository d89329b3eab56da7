// @vitest-environment node
/** A trustee's worker without the worker: what is taken, said, proved, verified and decrypted, and what is not. */
import { beforeEach, describe, expect, it } from 'vitest';

import { fromBase64, toBase64 } from '../../ballot/base64';
import { concat, encode, hex } from '../../ballot/codec';
import { definition as definitionCodec } from '../../ballot/definition';
import { publicKey } from '../../ballot/strict';
import { reliedOn } from '../../ballot/testing';
import { genesis as genesisCodec } from '../../ballot/genesis';
import type { Ask } from '../../audit/board';
import { decodeEntry, type Entry } from '../../audit/entries';
import type { Asked } from '../../audit/everything';
import { Fault } from '../../audit/fault';
import { entriesTile, World } from '../../audit/testing';
import { encodeRecord, writeKeyFile } from '../../sealing/ceremony';
import { DecryptionError } from '../../sealing/decrypt';
import { type Attended, Keeper, Lie, type Loaded, type Summed, type Task } from './tasks';

const trusteeKey = (number: number): Uint8Array => new Uint8Array(32).fill(50 + number);
const fileOf = (number: number): Uint8Array => writeKeyFile(trusteeKey(number));
const quiet = async (): Promise<void> => undefined;
const never: Ask = async (path) => {
  throw new Error(`asked for ${path}`);
};
const keeper = (ask: Ask = never) => {
  const one = new Keeper(ask, quiet);
  return <T>(task: Task): Promise<T> => one.perform(task) as Promise<T>;
};

/** What the gateway tells of the ceremony of a world. */
const ceremonyOf = (world: World, id = world.definition.id) => ({
  do: 'attend' as const,
  id,
  definition: toBase64(encode(definitionCodec, world.definition)),
  record: toBase64(encodeRecord(world.replay.ceremony?.record ?? { setup: { parameters: { trustees: 0, threshold: 0 }, context: '', attempt: 0, trustees: [] }, events: [] })),
  trusted: reliedOn(encode(genesisCodec, world.genesis)),
});

async function readyWorld(): Promise<World> {
  const world = new World();
  await world.act({ do: 'define', definition: world.definition });
  await world.act({ do: 'roll', size: 4n });
  await world.append(world.certification([1, 2, 3]));
  await world.act({ do: 'advance', to: 'ready' });
  return world;
}

describe('a key', () => {
  it('is made, saved as a file, and recognised when it is loaded again', async () => {
    const ask = keeper();
    const made = await ask<Loaded>({ do: 'make' });
    const file = await ask<Uint8Array>({ do: 'file' });
    expect(new TextDecoder().decode(file)).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await ask({ do: 'compare', file })).toBe('same');
    expect(await ask({ do: 'compare', file: fileOf(1) })).toBe('other');
    expect(await ask({ do: 'compare', file: new TextEncoder().encode('a letter') })).toBe('none');
    expect(await keeper()({ do: 'load', file })).toEqual(made);
    expect(await ask({ do: 'load', file: new Uint8Array(4) })).toBeNull();
    expect(await ask({ do: 'compare', file }), 'what is no key leaves the one that is there').toBe('same');
  });
});

describe('a ceremony', () => {
  let world: World;
  beforeEach(async () => {
    world = await readyWorld();
  });

  it('is carried through by two trustees here and one elsewhere, each from its file alone', async () => {
    const keepers = [1, 2].map((number) => ({ number, ask: keeper() }));
    for (const { number, ask } of keepers) await ask({ do: 'load', file: fileOf(number) });
    let steps = 0;
    while (world.replay.ceremony?.phase !== 'done') {
      const missing = world.replay.ceremony?.missing() ?? [];
      for (const { number, ask } of keepers) {
        const attended = await ask<Attended>(ceremonyOf(world));
        expect([attended.number, attended.missing]).toEqual([number, world.replay.ceremony?.missing()]);
        if (!attended.entry) continue;
        await world.append(decodeEntry(fromBase64(attended.entry, 65_535)));
        steps += 1;
      }
      if (missing.includes(3) && world.replay.ceremony) {
        const message = world.dealer(3).nextStep(world.replay.ceremony);
        if (message) await world.append(world.trusteeEntry(3, { message }));
      }
    }
    expect(steps).toBe(10);
    for (const { ask } of keepers) expect(await ask<Attended>(ceremonyOf(world))).toMatchObject({ phase: 'done', isProved: true, entry: null, trouble: null });
    // A backup is proved by its part of the key, and another file is not.
    const [one] = keepers;
    expect(await one?.ask({ do: 'check', file: fileOf(1) })).toBe(1);
    expect(await one?.ask({ do: 'check', file: fileOf(2) })).toBe(2);
    expect(await one?.ask({ do: 'check', file: writeKeyFile(new Uint8Array(32).fill(9)) })).toBeNull();
    expect(await one?.ask({ do: 'check', file: new Uint8Array(3) })).toBeNull();
  });

  it('is shown to those without a key, and to strangers, who say nothing', async () => {
    const ask = keeper();
    expect(await ask<Attended>(ceremonyOf(world))).toMatchObject({ number: null, entry: null, missing: [1, 2, 3], phase: 'commit' });
    await ask({ do: 'load', file: writeKeyFile(new Uint8Array(32).fill(9)) });
    expect(await ask<Attended>(ceremonyOf(world))).toMatchObject({ number: null, entry: null });
  });

  it('that goes on without a trustee says so', async () => {
    for (const number of [1, 3]) {
      const message = world.replay.ceremony && world.dealer(number).nextStep(world.replay.ceremony);
      await world.append(world.trusteeEntry(number, { message }));
    }
    await world.act({ do: 'close ceremony phase' });
    const ask = keeper();
    await ask({ do: 'load', file: fileOf(2) });
    expect(await ask<Attended>(ceremonyOf(world))).toMatchObject({ number: 2, entry: null, trouble: { code: 'excluded' } });
  });

  it('that is not of this election, network or definition is no ceremony', async () => {
    const ask = keeper();
    await ask({ do: 'load', file: fileOf(1) });
    const told = ceremonyOf(world);
    const other = { ...world.definition, title: 'Another' };
    const swapped = { ...world.definition, sealing: world.definition.sealing && { ...world.definition.sealing, threshold: 3 } };
    const lies: Task[] = [
      { ...told, id: '00'.repeat(16) },
      { ...told, definition: toBase64(encode(definitionCodec, other)) },
      { ...told, definition: toBase64(encode(definitionCodec, swapped)) },
      { ...told, definition: 'AAAA' },
      { ...told, record: 'AAAA' },
      { ...told, trusted: reliedOn(encode(genesisCodec, { ...world.genesis, network: 'other' })) },
      { ...told, trusted: reliedOn(new Uint8Array(3)) },
    ];
    for (const lie of lies) await expect(ask(lie)).rejects.toThrow(Lie);
    // A message that another has changed on its way.
    const attended = await ask<Attended>(told);
    await world.append(decodeEntry(fromBase64(attended.entry ?? '', 65_535)));
    const record = fromBase64(ceremonyOf(world).record, 1 << 20);
    record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
    await expect(ask({ ...told, record: toBase64(record) })).rejects.toThrow('ceremony_signature');
  });
});

describe('a decryption', () => {
  async function closedWorld(ballots = 3): Promise<World> {
    const world = await new World().open();
    for (let voter = 1; voter <= ballots; voter += 1) await world.append(world.castEntry(voter, voter % 2));
    await world.close();
    return world;
  }
  const asked = (world: World): Task => ({ do: 'verify', asked: world.asked() });
  const trustee = async (world: World, number: number, ask: Ask = world.ask()) => {
    const perform = keeper(ask);
    await perform({ do: 'load', file: fileOf(number) });
    return perform;
  };

  it('is of sums that were added up here, and is accepted', async () => {
    const world = await closedWorld();
    for (const number of [1, 3]) {
      const perform = await trustee(world, number);
      expect(await perform<Summed>(asked(world))).toEqual({ ballots: 3, weight: 3, tests: 0, least: 3 });
      const entry: Entry = decodeEntry(fromBase64(await perform<string>({ do: 'decrypt' }), 65_535));
      expect(entry.kind === 'trustee' && entry.content.trustee).toBe(hex(publicKey(trusteeKey(number))));
      await world.append(entry);
    }
    await world.tally();
    expect(world.report?.contests[0]?.options.map(({ votes }) => votes)).toEqual([1n, 2n]);
  });

  it('is not made of too few ballots, or before everything was verified', async () => {
    const world = await closedWorld(2);
    const perform = await trustee(world, 1);
    await expect(perform({ do: 'decrypt' })).rejects.toThrow(Lie);
    expect(await perform<Summed>(asked(world))).toMatchObject({ ballots: 2, least: 3 });
    await expect(perform({ do: 'decrypt' })).rejects.toThrow(DecryptionError);
  });

  it('is not made where the board or the ledger lies, and the ballot is named', async () => {
    const world = await closedWorld();
    const id = world.definition.id;
    const left = { [`/board/${id}/tile/entries/000.p/3`]: entriesTile(world.ballots.slice(1)) };
    const perform = await trustee(world, 2, world.ask(left));
    const fault = await perform(asked(world)).then(() => null, (error: unknown) => error);
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).ballots).toHaveLength(1);
    await expect(perform({ do: 'decrypt' }), 'nothing is ready').rejects.toThrow(Lie);
    const answers = world.ask();
    const cut = await trustee(world, 2, async (path) => (path.endsWith('/bundle') ? concat((await answers(path)) ?? new Uint8Array(), Uint8Array.of(0)) : answers(path)));
    await expect(cut(asked(world))).rejects.toThrow('malformed_bundle');
  });

  it('is not made before the close, nor by a stranger', async () => {
    const open = await new World().open();
    await open.append(open.castEntry(1, 0), open.castEntry(2, 0), open.castEntry(3, 0));
    const perform = await trustee(open, 1);
    await expect(perform(asked(open))).rejects.toThrow('wrong_phase');
    // A gateway that shows an open election as closed has no closed ledger to show.
    const lie: Asked = { ...open.asked(), phase: 'closed' };
    await expect(perform({ do: 'verify', asked: lie })).rejects.toThrow('older_bundle');
    const world = await closedWorld();
    const stranger = keeper(world.ask());
    await stranger({ do: 'load', file: writeKeyFile(new Uint8Array(32).fill(9)) });
    await expect(stranger(asked(world))).rejects.toThrow('not_a_trustee');
  });
});
