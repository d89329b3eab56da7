import { useTranslations } from 'use-intl';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import type { Issue, Step } from './checklist';

/** An issue in words, with the number of its question where it is about one. */
export function useIssueText(): (issue: Issue) => string {
  const t = useTranslations('admin.check');
  return ({ code, value, question }) => {
    const issue = t(`issues.${code}`, { value: value ?? '' });
    return question === undefined ? issue : t('questionIs', { number: question, issue });
  };
}

interface IssueListProps {
  title: string;
  issues: Issue[];
  /** Leads to the step of an issue. */
  onFix?: (step: Step) => void;
}

export function IssueList({ title, issues, onFix }: IssueListProps) {
  const t = useTranslations('admin');
  const textOf = useIssueText();
  return (
    <Notice tone="warning" title={title}>
      <ul className="issues">
        {issues.map((issue) => {
          const text = textOf(issue);
          return (
            <li key={`${issue.question ?? ''} ${issue.code}`}>
              <span>{text}</span>
              {onFix && (
                <Button
                  aria-label={t('check.fixIn', { step: t(`wizard.steps.${issue.step}`), issue: text })}
                  onClick={() => onFix(issue.step)}
                >
                  {t('check.fix')}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </Notice>
  );
}
