import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { formatNumber } from '../../../ui/format';
import { useRegion } from '../../../ui/hooks';
import type { CsvReport, RowIssue } from '../csv';
import { PagedTable } from '../PagedTable';

const PAGE = 25;

export function useRowIssueText(): (issue: RowIssue) => string {
  const t = useTranslations('admin.voters.issues');
  return ({ code, value }) => t(code, { value: value ?? '' });
}

/** The list as it is read, a page at a time, each wrong line with what is wrong. */
export function ListPreview({ report }: { report: CsvReport }) {
  const t = useTranslations('admin.voters');
  const region = useRegion();
  const textOf = useRowIssueText();
  const [page, setPage] = useState(0);
  const pages = Math.ceil(report.rows.length / PAGE);
  // The list may have become shorter.
  const at = Math.min(page, pages - 1);
  const issues = new Map(report.issues.map((issue) => [issue.line, issue]));
  const rows = report.rows.slice(at * PAGE, (at + 1) * PAGE);
  const [from, to, count] = [at * PAGE + 1, at * PAGE + rows.length, report.rows.length].map((value) => formatNumber(value, region));
  return (
    <section className="stack-tight" aria-label={t('preview')}>
      <h2 className="h3">{t('preview')}</h2>
      <PagedTable
        caption={t('previewCaption', { from: from ?? '', to: to ?? '', count: count ?? '' })}
        columns={[t('columns.line'), t('columns.email'), t('columns.name'), t('columns.weight'), t('columns.remark')]}
        rows={rows.map((row) => {
          const issue = issues.get(row.line);
          return {
            key: row.line,
            isWrong: issue !== undefined,
            cells: [row.line, row.email, row.name, row.weight || '1', issue ? textOf(issue) : t('ok')],
          };
        })}
        onPrevious={at > 0 ? () => setPage(at - 1) : undefined}
        onNext={at < pages - 1 ? () => setPage(at + 1) : undefined}
      />
    </section>
  );
}
