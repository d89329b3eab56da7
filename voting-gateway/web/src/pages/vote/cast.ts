/**
 * Casting one ballot as a state machine: what happened goes in, the next state and what to do come out.
 *
 *   idle ─▶ sealing ─▶ sealed ◀─▶ asking ─▶ sending ─▶ verifying ─▶ recorded
 *            │  ▲                   │         │  ▲           └─────▶ unproven
 *            ▼  │                   ▼         ▼  │
 *     unsealed  └── tested ◀── opening      unknown ─▶ refused
 *
 * Only `confirm` while asking leads to a ballot being sent for the first time. After that the same bytes are sent as
 * often as it takes, because they count once; no answer means unknown, never refused. A ballot whose seal is tested is void: no
 * way leads from there to its being sent.
 */
import { Problem } from '../../api/problem';
import type { BallotStatus, Receipt } from '../../api/types';
import type { ReceiptCheck, SealedBallot, Selection } from '../../ballot';
import type { Cast } from '../../services/votes';

/** What a ballot held whose seal was tested. */
export interface Tested {
  /** Computed from the opening; null if that does not open the ballot. */
  held: Selection[] | null;
  /** Whether that is what the voter chose. */
  holds: boolean;
}

export type CastState =
  | { at: 'idle' }
  | { at: 'sealing' }
  | { at: 'unsealed'; problem: Problem }
  | { at: 'sealed'; ballot: SealedBallot }
  | { at: 'asking'; ballot: SealedBallot }
  /** In a sealed election: opened instead of cast. */
  | { at: 'opening'; ballot: SealedBallot; problem: Problem | null }
  | { at: 'tested'; ballot: SealedBallot; tested: Tested }
  | { at: 'sending'; ballot: SealedBallot; received: boolean; slow: boolean }
  | { at: 'unknown'; ballot: SealedBallot; checking: boolean; problem: Problem | null }
  | { at: 'verifying'; ballot: SealedBallot; receipt: Receipt }
  | { at: 'recorded'; ballot: SealedBallot; receipt: Receipt; check: ReceiptCheck }
  /** Recorded, says the gateway, and its proof does not hold. */
  | { at: 'unproven'; ballot: SealedBallot; receipt: Receipt; reason: string }
  | { at: 'refused'; ballot: SealedBallot; problem: Problem };

export type CastEvent =
  | { type: 'review' }
  | { type: 'edit' }
  | { type: 'sealed'; ballot: SealedBallot }
  | { type: 'sealFailed'; problem: Problem }
  | { type: 'ask' }
  | { type: 'goBack' }
  | { type: 'test' }
  | { type: 'opened'; tested: Tested }
  | { type: 'openFailed'; problem: Problem }
  | { type: 'again' }
  | { type: 'confirm' }
  | { type: 'resume'; ballot: SealedBallot }
  | { type: 'answered'; cast: Cast }
  | { type: 'sendFailed'; problem: Problem }
  | { type: 'status'; status: BallotStatus }
  | { type: 'statusFailed'; problem: Problem }
  | { type: 'receiptFetched'; receipt: Receipt }
  | { type: 'verified'; check: ReceiptCheck }
  | { type: 'slow' }
  | { type: 'late' }
  | { type: 'checkAgain' };

export type Effect =
  | { do: 'seal' }
  | { do: 'open'; ballot: SealedBallot }
  /** Drops what was chosen, and what would open the ballot. */
  | { do: 'forget' }
  | { do: 'save'; ballot: SealedBallot }
  | { do: 'send'; ballot: SealedBallot }
  | { do: 'askStatus'; ballot: SealedBallot }
  | { do: 'fetchReceipt'; ballot: SealedBallot }
  | { do: 'verify'; receipt: Receipt; ballot: SealedBallot }
  | { do: 'clear'; ballot: SealedBallot }
  | { do: 'keepReceipt'; receipt: Receipt }
  | { do: 'announce'; message: 'sent' | 'agreed' | 'recorded' };

export type Step = readonly [state: CastState, effects: Effect[]];

/** Whether a ballot is under way, so that leaving the page deserves a warning. */
export const isUnderWay = (state: CastState): boolean =>
  state.at === 'sending' || state.at === 'verifying' || (state.at === 'unknown' && state.checking);

/** Whether the decision is made: the voter sees what becomes of the ballot and no longer the questions. */
export const isCast = (state: CastState): boolean =>
  isUnderWay(state) || state.at === 'unknown' || state.at === 'recorded' || state.at === 'unproven' || state.at === 'refused';

/** The ballot's own hash in a conflict means that it is the one recorded. */
const isRecordedAlready = (problem: Problem, ballot: SealedBallot): boolean =>
  problem.code === 'duplicate_ballot' || (problem.code === 'already_voted' && problem.ballotHash === ballot.hash);

export function step(state: CastState, event: CastEvent): Step {
  const stay: Step = [state, []];
  switch (event.type) {
    case 'review':
      return state.at === 'idle' || state.at === 'unsealed' ? [{ at: 'sealing' }, [{ do: 'seal' }]] : stay;
    case 'edit':
      return isCast(state) ? stay : [{ at: 'idle' }, []];
    case 'sealed':
      return state.at === 'sealing' ? [{ at: 'sealed', ballot: event.ballot }, []] : stay;
    case 'sealFailed':
      return state.at === 'sealing' ? [{ at: 'unsealed', problem: event.problem }, []] : stay;
    case 'ask':
      return state.at === 'sealed' ? [{ at: 'asking', ballot: state.ballot }, []] : stay;
    case 'goBack':
      return state.at === 'asking' ? [{ at: 'sealed', ballot: state.ballot }, []] : stay;
    case 'confirm':
      return state.at === 'asking' ? send(state.ballot, [{ do: 'forget' }, { do: 'save', ballot: state.ballot }, { do: 'announce', message: 'sent' }]) : stay;
    case 'test':
      if (state.at === 'asking') return [{ at: 'opening', ballot: state.ballot, problem: null }, [{ do: 'open', ballot: state.ballot }]];
      return state.at === 'opening' && state.problem ? [{ ...state, problem: null }, [{ do: 'open', ballot: state.ballot }]] : stay;
    case 'opened':
      return state.at === 'opening' ? [{ at: 'tested', ballot: state.ballot, tested: event.tested }, []] : stay;
    case 'openFailed':
      return state.at === 'opening' ? [{ ...state, problem: event.problem }, []] : stay;
    case 'again':
      return state.at === 'tested' || (state.at === 'opening' && state.problem) ? [{ at: 'sealing' }, [{ do: 'seal' }]] : stay;
    case 'resume':
      return state.at === 'idle' || state.at === 'unknown' ? ask(event.ballot) : stay;
    default:
      return underWay(state, event);
  }
}

/** What becomes of a ballot that was sent. */
function underWay(state: CastState, event: CastEvent): Step {
  const stay: Step = [state, []];
  if (state.at === 'verifying') {
    if (event.type === 'verified') return verified(state.ballot, state.receipt, event.check);
    // Without the genesis nothing can be verified; asking again fetches it.
    return event.type === 'statusFailed' ? [{ at: 'unknown', ballot: state.ballot, checking: false, problem: event.problem }, []] : stay;
  }
  if (state.at !== 'sending' && state.at !== 'unknown') return stay;
  const { ballot } = state;
  switch (event.type) {
    case 'answered':
      if (event.cast.outcome === 'recorded') return verify(ballot, event.cast.receipt);
      return state.at === 'sending' ? [{ ...state, received: true }, []] : stay;
    case 'sendFailed':
      return failed(ballot, event.problem);
    case 'status':
      return known(state, event.status);
    case 'statusFailed':
      return state.at === 'unknown' ? [{ ...state, checking: false, problem: event.problem }, []] : stay;
    case 'receiptFetched':
      return verify(ballot, event.receipt);
    case 'slow':
      return state.at === 'sending' ? [{ ...state, slow: true }, []] : stay;
    case 'late':
      return state.at === 'sending' ? [{ at: 'unknown', ballot, checking: false, problem: null }, []] : stay;
    case 'checkAgain':
      return state.at === 'unknown' && !state.checking ? ask(ballot) : stay;
    default:
      return stay;
  }
}

const send = (ballot: SealedBallot, before: Effect[] = []): Step => [
  { at: 'sending', ballot, received: false, slow: false },
  [...before, { do: 'send', ballot }],
];

const ask = (ballot: SealedBallot): Step => [
  { at: 'unknown', ballot, checking: true, problem: null },
  [{ do: 'askStatus', ballot }],
];

const verify = (ballot: SealedBallot, receipt: Receipt): Step => [
  { at: 'verifying', ballot, receipt },
  [{ do: 'announce', message: 'agreed' }, { do: 'verify', receipt, ballot }],
];

function failed(ballot: SealedBallot, problem: Problem): Step {
  if (isRecordedAlready(problem, ballot)) return [{ at: 'unknown', ballot, checking: true, problem: null }, [{ do: 'fetchReceipt', ballot }]];
  if (problem.isPassing) return [{ at: 'unknown', ballot, checking: false, problem }, []];
  return [{ at: 'refused', ballot, problem }, [{ do: 'clear', ballot }]];
}

function known(state: Extract<CastState, { at: 'sending' | 'unknown' }>, status: BallotStatus): Step {
  const { ballot } = state;
  switch (status.status) {
    case 'final':
      return [state, [{ do: 'fetchReceipt', ballot }]];
    case 'pending':
      if (state.at === 'sending') return [{ ...state, received: true }, []];
      return [{ at: 'sending', ballot, received: true, slow: true }, []];
    case 'refused':
      return failed(ballot, new Problem({ code: status.reason_code ?? 'refused', status: 422, detail: status.reason }));
    default:
      // Nobody has it: while the first sending goes on, that is no news; later the same bytes go out again.
      return state.at === 'unknown' ? send(ballot) : [state, []];
  }
}

function verified(ballot: SealedBallot, receipt: Receipt, check: ReceiptCheck): Step {
  const holds = check.verdict === 'recorded' && check.ballotHash === ballot.hash && check.electionId === ballot.electionId;
  if (!holds) return [{ at: 'unproven', ballot, receipt, reason: check.reason ?? 'other_ballot' }, [{ do: 'keepReceipt', receipt }]];
  return [
    { at: 'recorded', ballot, receipt, check },
    [{ do: 'keepReceipt', receipt }, { do: 'clear', ballot }, { do: 'announce', message: 'recorded' }],
  ];
}
