/** Testing the seal (docs/SPEC.md, 20.2): what a challenged ballot held, computed again from what opens it. */
import type { BallotContent, Selection } from '../ballot/ballot';
import { type Opening, sealedSelections } from './ballot';
import { ciphertexts, selectionOf, valuesOf } from './contest';
import { keyOf, type Sealing } from './election';
import { encodePoint, Point, timesPublic, toBigInt } from './group';
import { ballotContext } from './params';

export type OpeningCode = 'sealed_election' | 'sealed_opening_form' | 'sealed_opening' | 'sealed_selection';

/** Why an opening does not open a ballot. */
export class OpeningError extends Error {
  override readonly name = 'OpeningError';

  constructor(
    readonly code: OpeningCode,
    readonly contest?: number,
    readonly option?: number,
  ) {
    super(code);
  }
}

/** What the ballot would have said. Throws an {@link OpeningError} if the opening does not open it. */
export function open(election: Sealing, ballot: BallotContent, opening: Opening): Selection[] {
  const { contests } = election;
  const element = keyOf(election);
  if (ballot.context !== ballotContext(election.electionHash) || !element) throw new OpeningError('sealed_election');
  const selections = sealedSelections(ballot);
  if (!Array.isArray(selections)) throw new OpeningError('sealed_opening_form', selections.open);
  if (selections.length !== contests.length || opening.length !== contests.length)
    throw new OpeningError('sealed_opening_form');
  return contests.map((rules, contest) => {
    const [sealed, opened] = [selections[contest]?.options ?? [], opening[contest] ?? []];
    if (sealed.length !== opened.length || sealed.length !== ciphertexts(rules))
      throw new OpeningError('sealed_opening_form', contest);
    for (const [option, { value, randomness }] of opened.entries()) {
      const r = toBigInt(randomness);
      const alpha = encodePoint(timesPublic(Point.BASE, r));
      const beta = encodePoint(timesPublic(Point.BASE, BigInt(value)).add(timesPublic(element, r)));
      const { ciphertext } = sealed[option] ?? {};
      if (ciphertext?.alpha !== alpha || ciphertext.beta !== beta) throw new OpeningError('sealed_opening', contest, option);
    }
    const values = opened.map(({ value }) => value);
    const selection = selectionOf(rules, values);
    const allowed = valuesOf(rules, selection);
    if (!allowed || allowed.some((value, at) => value !== values[at])) throw new OpeningError('sealed_selection', contest);
    return selection;
  });
}
