import { useTranslations } from 'use-intl';
import { problemFrom } from '../../api/problem';
import type { MessageKey } from '../../routes';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import { ProblemNotice } from '../../ui/problems';

/** What went wrong, in words for administrators where the code means something else to them. */
export function AdminProblem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useTranslations();
  const problem = problemFrom(error);
  const key = `admin.problems.${problem.code}` as MessageKey;
  if (!t.has(key)) return <ProblemNotice error={problem} onRetry={onRetry} urgent />;
  return (
    <Notice tone="danger" title={t('common.failed')} urgent>
      <p>{t(key)}</p>
      {/* Only the gateway knows which part of a definition it refused. */}
      {problem.code === 'invalid_definition' && <p lang="en">{problem.detail}</p>}
      {problem.requestId && <p className="small muted">{t('common.requestId', { id: problem.requestId })}</p>}
      {onRetry && <Button onClick={onRetry}>{t('common.retry')}</Button>}
    </Notice>
  );
}
