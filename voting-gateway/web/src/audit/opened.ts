/** A ballot that was opened to test its seal, found on the ledger by its code and computed anew from what opens it. */
import type { Selection } from '../ballot/ballot';
import { codeOfHash } from '../ballot/code';
import type { DefinedContest } from '../ballot/definition';
import type { Trusted } from '../ballot/finality';
import type { Ask } from './board';
import { chainOf } from './election';
import { parsed, type Tell } from './everything';
import { require } from './fault';
import { replayLedger } from './ledger';
import { relied } from './relied';

export interface OpenedAsked {
  id: string;
  /** The code of the ballot. */
  code: string;
  trusted: Trusted;
}

export interface OpenedBallot {
  genesis: string;
  title: string;
  contests: DefinedContest[];
  /** What it held; where it was not opened, whether it is cast or unknown. */
  held: Selection[] | 'cast' | 'unknown';
}

export async function openedBallot({ id, code, trusted }: OpenedAsked, ask: Ask, tell: Tell): Promise<OpenedBallot> {
  const { genesis } = await relied(trusted, 'ledger');
  await tell({ check: 'ledger', done: 0, of: 1 });
  const bytes = await ask(`/elections/${id}/bundle`);
  require(bytes !== null, 'ledger', 'no_bundle');
  const bundle = parsed(bytes);
  // Every challenge on the ledger is recomputed on the way, and one that opens something else is a fault.
  const expected = { id, genesis, chain: chainOf(genesis, bundle.opening.partition) };
  const { challenged, ballots, definition } = await replayLedger(bundle, expected, (done, of) => tell({ check: 'ledger', done, of }));
  const [, found] = [...challenged].find(([hash]) => codeOfHash(hash) === code) ?? [];
  const isCast = [...ballots.keys()].some((hash) => codeOfHash(hash) === code);
  return { genesis, title: definition?.title ?? '', contests: definition?.contests ?? [], held: found ?? (isCast ? 'cast' : 'unknown') };
}
