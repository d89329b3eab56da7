import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { Loaded } from '../../ui/Loaded';
import { PagedTable } from './PagedTable';
import { VOTERS_PAGE, votersQuery } from './service';

/** Who is entitled, page by page. */
export function Roll({ id, withVotes = false }: { id: string; withVotes?: boolean }) {
  const t = useTranslations('admin.voters');
  const region = useRegion();
  // Cursors of the pages up to the present one; the API knows the way forward only.
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const after = cursors.at(-1) ?? null;
  const query = useQuery({ ...votersQuery(id, after), placeholderData: keepPreviousData });
  const first = (cursors.length - 1) * VOTERS_PAGE;
  return (
    <Loaded query={query} blocks={1}>
      {({ total, voters, next }) => {
        if (total === 0) return <p className="empty">{t('rollEmpty')}</p>;
        const hasMore = next !== undefined && first + voters.length < total;
        const [from, to, count] = [first + 1, first + voters.length, total].map((value) => formatNumber(value, region));
        return (
          <PagedTable
            caption={t('rollCaption', { from: from ?? '', to: to ?? '', count: count ?? '' })}
            columns={[t('columns.email'), t('columns.name'), t('columns.weight'), ...(withVotes ? [t('columns.voted')] : [])]}
            rows={voters.map(({ label, name, weight, has_voted: voted }) => ({
              key: label,
              cells: [label, name, weight, ...(withVotes ? [t(voted ? 'yes' : 'no')] : [])],
            }))}
            onPrevious={cursors.length > 1 ? () => setCursors(cursors.slice(0, -1)) : undefined}
            onNext={hasMore ? () => setCursors([...cursors, next]) : undefined}
          />
        );
      }}
    </Loaded>
  );
}
