import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { Problem } from '../../api/problem';
import type { Election, Receipt } from '../../api/types';
import { BallotError, makeBallot, type Selection } from '../../ballot/ballot';
import { voterKey } from '../../ballot/key';
import { pending } from '../../ballot/pending';
import type { TrustedSource } from '../../ballot/finality';
import { getGenesis, getTrusted, isKnownNetwork } from '../../services/network';
import { keepReceipt } from '../../services/receipts';
import { getElectionProof } from '../../services/sealing';
import { certifyKey, getBallotStatus, getReceipt, submitVote } from '../../services/votes';
import { announce } from '../../ui/announcer';
import type { CastState } from './cast';
import { CastRun } from './run';
import type { Certified } from './sealed/certified';
import type { SealedVoting } from './sealed/voting';

/** Has the key certified if it is not yet, and signs: in an open election. */
async function sign(accountId: string, election: Election, selections: Selection[], trusted: TrustedSource) {
  const [{ certifiedAsShown }, proof] = await Promise.all([import('./shown'), getElectionProof(election.id)]);
  await certifiedAsShown(election, proof, trusted, isKnownNetwork);
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
  /** Who has certified what the ballot is sealed to. */
  certified: Certified | null;
}

/** Casting in one election; takes up a ballot whose fate was open when the page was left. */
export function useCast(accountId: string, election: Election, selections: () => Selection[], forget: () => void): Casting {
  const t = useTranslations('cast.said');
  const queries = useQueryClient();
  // The run outlives renders and must see what they brought.
  const latest = useMemo(() => ({ election, selections, forget, t }), []);
  Object.assign(latest, { election, selections, forget, t });

  const [certified, setCertified] = useState<Certified | null>(null);
  const sealed = useRef<SealedVoting | null>(null);

  const run = useMemo(() => {
    const genesis = () => queries.fetchQuery({ queryKey: ['genesis'], queryFn: getGenesis, staleTime: Infinity });
    const trusted = (staleTime: number) =>
      queries.fetchQuery({ queryKey: ['trusted'], queryFn: () => getTrusted(genesis), staleTime });
    // Fetched before anything is sent, as the genesis is, so that a receipt can be verified without anybody's help.
    const judge = () => import('../../ballot/receipt');
    return new CastRun({
      seal: async () => {
        const { election } = latest;
        void judge();
        if (election.sealing) {
          const { SealedVoting } = await import('./sealed/voting');
          sealed.current ??= new SealedVoting(accountId);
          const { ballot, certified } = await sealed.current.seal(election, latest.selections(), trusted);
          setCertified(certified);
          return ballot;
        }
        const signing = sign(accountId, election, latest.selections(), trusted).catch((error: unknown) => {
          throw error instanceof BallotError ? new Problem({ code: error.code, status: 0, detail: error.message }) : error;
        });
        return signing;
      },
      open: async (ballot) => {
        if (!sealed.current) throw new Problem({ code: 'seal_failed', status: 422 });
        return sealed.current.open(ballot, latest.selections());
      },
      forget: () => {
        sealed.current?.forget();
        latest.forget();
      },
      save: (ballot) => pending.save(accountId, ballot),
      clear: (ballot) => pending.clear(accountId, ballot.electionId),
      send: (ballot) => submitVote(ballot.electionId, ballot),
      status: (ballot) => getBallotStatus(ballot.hash),
      receipt: (ballot) => getReceipt(ballot.hash),
      verify: async (receipt: Receipt, ballot) => {
        const { checkReceipt } = await judge();
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
      sealed.current?.forget();
    };
  }, [accountId, election.id, run]);

  return { cast: useSyncExternalStore(run.subscribe, run.current), run, ready, certified };
}
