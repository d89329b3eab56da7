import { useQuery } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { useTranslations } from 'use-intl';
import { useLocation, useSearch } from 'wouter';
import '../../styles/receipt.css';
import { problemFrom } from '../../api/problem';
import type { Receipt } from '../../api/types';
import { normalizeCode } from '../../ballot';
import { electionQuery } from '../../services/elections';
import { verifyReceipt, type Checked } from '../../services/checking';
import { getReceipt, parseReceipt } from '../../services/votes';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { ProblemNotice } from '../../ui/problems';
import { Skeleton } from '../../ui/Skeleton';
import { Verdict } from './Verdict';

/** A hash or a code as people type them; null where it is neither. */
export function normalizeBallot(text: string): string | null {
  const trimmed = text.trim().toLowerCase();
  return /^[0-9a-f]{64}$/.test(trimmed) ? trimmed : normalizeCode(text);
}

/** What is looked up: a ballot on the list, or a receipt from a file. */
type Asked = { ballot: string } | { file: Receipt };

const ask = async (asked: Asked): Promise<Checked> => verifyReceipt('file' in asked ? asked.file : await getReceipt(asked.ballot));

export default function Check() {
  const t = useTranslations('check');
  const [location, navigate] = useLocation();
  const given = normalizeBallot(new URLSearchParams(useSearch()).get('ballot') ?? '');
  const [file, setFile] = useState<Receipt | null>(null);
  const asked: Asked | null = file ? { file } : given ? { ballot: given } : null;
  const query = useQuery({
    queryKey: ['check', file ? file.proof : given],
    queryFn: () => (asked ? ask(asked) : null),
    enabled: asked !== null,
    retry: false,
  });

  return (
    <Page title={t('title')} lead={t('lead')} narrow>
      <CodeForm
        given={given ?? ''}
        onAsk={(ballot) => {
          setFile(null);
          navigate(`${location}?ballot=${ballot}`);
        }}
        onFile={setFile}
      />
      <div aria-live="polite">
        {asked && query.isPending && <Skeleton blocks={1} />}
        {asked && query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
        {asked && query.data && <Answer checked={query.data} />}
      </div>
      <section className="stack-tight muted small" aria-labelledby="how">
        <h2 id="how" className="h3">
          {t('howTitle')}
        </h2>
        <p>{t('how')}</p>
      </section>
    </Page>
  );
}

function Answer({ checked }: { checked: Checked }) {
  const election = useQuery(electionQuery(checked.receipt.election_id));
  return <Verdict checked={checked} title={election.data?.title ?? ''} />;
}

function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const t = useTranslations('check');
  const problem = problemFrom(error);
  if (problem.status !== 404 && problem.code !== 'invalid_ballot_hash') return <ProblemNotice error={error} onRetry={onRetry} />;
  return (
    <Notice tone="warning" title={t('notListedTitle')}>
      <p>{t('notListedBody')}</p>
    </Notice>
  );
}

interface CodeFormProps {
  given: string;
  onAsk: (ballot: string) => void;
  onFile: (receipt: Receipt) => void;
}

function CodeForm({ given, onAsk, onFile }: CodeFormProps) {
  const t = useTranslations('check');
  const [text, setText] = useState(given);
  const [error, setError] = useState<'code' | 'file' | null>(null);
  const input = useRef<HTMLInputElement>(null);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const ballot = normalizeBallot(text);
    setError(ballot ? null : 'code');
    if (ballot) onAsk(ballot);
    else input.current?.focus();
  };

  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      onFile(parseReceipt(await file.text()));
      setError(null);
    } catch {
      setError('file');
    }
  };

  return (
    <form className="card stack" onSubmit={submit} noValidate>
      <div className="check-line">
        <Field
          label={t('code')}
          hint={t('codeHint')}
          error={error === 'code' ? t('codeError') : undefined}
          mono
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          inputRef={input}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button type="submit" variant="primary" large>
          {t('submit')}
        </Button>
      </div>
      <div className="file">
        <label htmlFor="receipt-file">{t('file')}</label>
        <input
          id="receipt-file"
          type="file"
          accept="application/json,.json"
          aria-describedby={error === 'file' ? 'file-error' : undefined}
          onChange={(event) => void open(event.target.files?.[0])}
        />
        {error === 'file' && (
          <p id="file-error" role="alert" className="field-error">
            {t('fileError')}
          </p>
        )}
      </div>
    </form>
  );
}
