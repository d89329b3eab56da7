import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { Problem } from '../../api/problem';
import type { Election, Receipt } from '../../api/types';
import { BallotError, checkReceipt, makeBallot, pending, voterKey, type Selection } from '../../ballot';
import { getGenesis, getTrusted } from '../../services/network';
import { keepReceipt } from '../../services/receipts';
import { certifyKey, getBallotStatus, getReceipt, submitVote } from '../../services/votes';
import { announce } from '../../ui/announcer';
import type { CastState } from './cast';
import { CastRun } from './run';

/** Has the key certified if it is not yet, and signs. */
async function seal(accountId: string, election: Election, selections: Selection[]) {
  const key = await voterKey(accountId, election.id);
  if (election.my_key !== key.publicKey) await certifyKey(election.id, key.publicKey);
  const { id: electionId, context, chain } = election;
  // With the definition that the page shows, so that the gateway cannot have another one voted on.
  return makeBallot({ electionId, context, chain, sequence: (election.my_sequence ?? 0) + 1, definition: election }, key, selections);
}

export interface Casting {
  cast: CastState;
  run: CastRun;
  /** Whether it is known if there is a ballot to take up. */
  ready: boolean;
}

/** Casting in one election; takes up a ballot whose fate was open when the page was left. */
export function useCast(accountId: string, election: Election, selections: () => Selection[]): Casting {
  const t = useTranslations('cast.said');
  const queries = useQueryClient();
  // The run outlives renders and must see what they brought.
  const latest = useMemo(() => ({ election, selections, t }), []);
  Object.assign(latest, { election, selections, t });

  const run = useMemo(() => {
    const genesis = () => queries.fetchQuery({ queryKey: ['genesis'], queryFn: getGenesis, staleTime: Infinity });
    const trusted = (staleTime: number) =>
      queries.fetchQuery({ queryKey: ['trusted'], queryFn: () => getTrusted(genesis), staleTime });
    return new CastRun({
      seal: async () => {
        // Fetched now, so that a receipt can be verified without anybody's help.
        const sealing = seal(accountId, latest.election, latest.selections()).catch((error: unknown) => {
          throw error instanceof BallotError ? new Problem({ code: error.code, status: 0, detail: error.message }) : error;
        });
        const [ballot] = await Promise.all([sealing, trusted(Infinity)]);
        return ballot;
      },
      save: (ballot) => pending.save(accountId, ballot),
      clear: (ballot) => pending.clear(accountId, ballot.electionId),
      send: (ballot) => submitVote(ballot.electionId, ballot),
      status: (ballot) => getBallotStatus(ballot.hash),
      receipt: (ballot) => getReceipt(ballot.hash),
      verify: async (receipt: Receipt, ballot) => {
        const check = await checkReceipt(receipt.proof, await trusted(Infinity), ballot.bytes);
        // The authorities may have changed since they were asked for.
        return check.reason === 'other_chain' ? checkReceipt(receipt.proof, await trusted(0), ballot.bytes) : check;
      },
      keepReceipt: (receipt) => keepReceipt(accountId, receipt),
      announce: (message) => announce(latest.t(message)),
    });
  }, [accountId, election.id, queries, latest]);

  const [ready, setReady] = useState(false);
  useEffect(() => {
    let current = true;
    // A browser that keeps nothing has nothing to take up.
    void pending.load(accountId, election.id).catch(() => null).then((ballot) => {
      if (!current) return;
      if (ballot) run.dispatch({ type: 'resume', ballot });
      setReady(true);
    });
    const online = (): void => run.dispatch({ type: 'checkAgain' });
    addEventListener('online', online);
    return () => {
      current = false;
      removeEventListener('online', online);
      run.stop();
    };
  }, [accountId, election.id, run]);

  return { cast: useSyncExternalStore(run.subscribe, run.current), run, ready };
}
