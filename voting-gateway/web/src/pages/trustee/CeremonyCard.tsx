/** The key ceremony: asked once, then each step by itself. */
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { problemFrom } from '../../api/problem';
import { postTrusteeStep } from '../../services/sealing';
import { Button } from '../../ui/Button';
import { ProblemNotice } from '../../ui/problems';
import { toast } from '../../ui/toasts';
import { CEREMONY } from '../sealed/sealing';
import type { Attended } from './tasks';

/** What the gateway says of a step that stands on the ledger already: an answer was lost, or the same file is open elsewhere. */
const STANDS_ALREADY = new Set(['duplicate_ballot', 'ceremony_twice', 'ceremony_phase']);

interface CeremonyCardProps {
  id: string;
  attended: Attended;
  onNews: () => void;
}

export function CeremonyCard({ id, attended, onNews }: CeremonyCardProps) {
  const t = useTranslations();
  const [takesPart, setTakesPart] = useState(false);
  const { error, isBusy, retry } = useSteps(id, attended, takesPart, onNews);
  const { phase, missing, definition, number } = attended;
  const step = CEREMONY.findIndex((one) => one === phase);
  const names = (definition.sealing?.trustees ?? []).filter((_, at) => missing.includes(at + 1)).map(({ name }) => name);
  const what = CEREMONY[step];
  return (
    <section className="card stack" aria-labelledby="ceremony">
      <h2 id="ceremony" className="h3">
        {t('trustee.ceremony.title')}
      </h2>
      {takesPart ? <p>{t('trustee.ceremony.running')}</p> : <p>{t('trustee.compare')}</p>}
      {what && (
        <div className="stack-tight" role="status">
          <p>
            <strong>{t('trustee.ceremony.step', { step: step + 1, what: t(`sealed.ceremony.steps.${what}`) })}</strong>
          </p>
          <p className="small muted">{isBusy ? t('trustee.ceremony.working') : t('trustee.ceremony.waits', { names: names.join(', ') })}</p>
        </div>
      )}
      {error ? <ProblemNotice error={error} onRetry={retry} urgent /> : null}
      {!takesPart && (
        <div>
          <Button variant="primary" large onClick={() => setTakesPart(true)}>
            {t('trustee.ceremony.begin', { number: number ?? 0 })}
          </Button>
        </div>
      )}
    </section>
  );
}

/** Says what this trustee has to say, once for each step. */
function useSteps(id: string, { entry, phase }: Attended, takesPart: boolean, onNews: () => void) {
  const t = useTranslations('trustee.ceremony');
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const said = useRef<string | null>(null);
  const step = CEREMONY.findIndex((one) => one === phase) + 1;
  const say = async (what: string): Promise<void> => {
    said.current = what;
    setIsBusy(true);
    setError(null);
    try {
      await postTrusteeStep(id, what).catch((thrown: unknown) => {
        if (!STANDS_ALREADY.has(problemFrom(thrown).code)) throw thrown;
      });
      toast(t('sent', { step }));
    } catch (thrown) {
      setError(thrown);
    }
    setIsBusy(false);
    onNews();
  };
  useEffect(() => {
    // The same words are said once: who looks again before they are on the ledger has them still to say.
    if (takesPart && entry !== null && said.current !== entry) void say(entry);
  });
  const retry = (): void => {
    if (entry !== null) void say(entry);
  };
  return { error, isBusy, retry };
}
