/** Problems in words: by their code where there are words for it, otherwise as the gateway says it. */
import { useTranslations } from 'use-intl';
import { problemFrom, type Problem } from '../api/problem';
import type { MessageKey } from '../routes';
import { Button } from './Button';
import { useOnline } from './hooks';
import { Notice } from './Notice';

export function useProblemText(): (problem: Problem) => string {
  const t = useTranslations();
  return (problem) => {
    const key = `problems.${problem.code}` as MessageKey;
    if (t.has(key)) return t(key, { seconds: problem.retryAfter ?? 60 });
    return problem.detail || problem.title || t('problems.not_understood');
  };
}

interface ProblemNoticeProps {
  error: unknown;
  onRetry?: () => void;
  urgent?: boolean;
}

export function ProblemNotice({ error, onRetry, urgent = false }: ProblemNoticeProps) {
  const t = useTranslations();
  const text = useProblemText();
  const online = useOnline();
  const problem = problemFrom(error);
  const offline = problem.isUnanswered && !online;
  return (
    <Notice tone={problem.isUnanswered ? 'warning' : 'danger'} title={t(offline ? 'offline.title' : 'common.failed')} urgent={urgent}>
      <p>{offline ? t('offline.body') : text(problem)}</p>
      {problem.requestId && <p className="small muted">{t('common.requestId', { id: problem.requestId })}</p>}
      {onRetry && <Button onClick={onRetry}>{t('common.retry')}</Button>}
    </Notice>
  );
}
