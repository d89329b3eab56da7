/**
 * That an open election is the one that a quorum of the authorities has certified. A gateway that showed a sealed election as an open
 * one would learn a choice, even if the ballot then counted for nothing.
 */
import type { Election } from '../../api/types';
import { BallotError } from '../../ballot/ballot';
import { checkCurrent } from '../../ballot/election';
import type { TrustedSource } from '../../ballot/finality';

export async function certifiedAsShown(
  election: Pick<Election, 'id' | 'chain' | 'context'>,
  proof: string,
  trusted: TrustedSource,
  isKnownNetwork: (genesis: string) => boolean,
): Promise<void> {
  const check = await checkCurrent(proof, trusted);
  if (check.verdict !== 'certified') throw new BallotError('wrong_context', `no quorum has certified the election: ${check.detail}`);
  const { id, chain, context } = election;
  if (!isKnownNetwork(check.genesis) || check.electionId !== id || check.chain !== chain || check.context !== context) {
    throw new BallotError('wrong_context', 'the authorities have certified another election than the one shown');
  }
}
