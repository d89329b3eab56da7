import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslations } from 'use-intl';
import { problemFrom, type Problem } from '../api/problem';
import type { Account } from '../api/types';
import { session } from '../session';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';
import { useProblemText } from '../ui/problems';

interface LoginFormProps {
  /** Whom to take up the session again as; without it, anybody. */
  email?: string;
  /** An account to fill in. */
  filled?: { email: string; password: string } | null;
  onDone: (account: Account) => void;
}

/** Seconds until another attempt makes sense; counts down to 0. */
function useCountdown(problem: Problem | null): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    setLeft(problem?.status === 429 ? (problem.retryAfter ?? 60) : 0);
    if (problem?.status !== 429) return;
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, seconds - 1)), 1_000);
    return () => clearInterval(timer);
  }, [problem]);
  return left;
}

export function LoginForm({ email: fixed, filled, onDone }: LoginFormProps) {
  const t = useTranslations('login');
  const problemText = useProblemText();
  const [email, setEmail] = useState(fixed ?? '');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const passwordInput = useRef<HTMLInputElement>(null);
  const left = useCountdown(problem);

  useEffect(() => {
    if (!filled) return;
    setEmail(filled.email);
    setPassword(filled.password);
    setProblem(null);
  }, [filled]);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (busy || left > 0) return;
    setBusy(true);
    setProblem(null);
    try {
      onDone(await session.login(email.trim(), password));
    } catch (error) {
      setProblem(problemFrom(error));
      setPassword('');
      passwordInput.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      {problem && (
        <Notice tone={problem.isUnanswered ? 'warning' : 'danger'} urgent>
          <p>{problemText(problem)}</p>
          {left > 0 && (
            <p aria-hidden="true" className="number">
              {t('again', { seconds: left })}
            </p>
          )}
        </Notice>
      )}
      <Field
        label={t('email')}
        type="email"
        autoComplete="username"
        required
        readOnly={fixed !== undefined}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <Field
        label={t('password')}
        type="password"
        autoComplete="current-password"
        required
        inputRef={passwordInput}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <div>
        <Button type="submit" variant="primary" large className="stretch" busy={busy || left > 0}>
          {t(busy ? 'busy' : 'submit')}
        </Button>
      </div>
    </form>
  );
}
