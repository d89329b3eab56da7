import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Button } from '../../ui/Button';

interface PagedTableProps {
  caption: string;
  columns: string[];
  rows: { key: string | number; cells: ReactNode[]; isWrong?: boolean }[];
  onPrevious?: () => void;
  onNext?: () => void;
}

/** A page of a table, and the way to the others. */
export function PagedTable({ caption, columns, rows, onPrevious, onNext }: PagedTableProps) {
  const t = useTranslations('admin.voters');
  return (
    <div className="stack-tight">
      <div className="table-wrap" role="region" aria-label={caption} tabIndex={0}>
        <table className="table table-dense">
          <caption>{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, cells, isWrong }) => (
              <tr key={key} className={isWrong ? 'is-wrong' : undefined}>
                {cells.map((cell, place) => (
                  <td key={place}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(onPrevious || onNext) && (
        <div className="row">
          <Button aria-disabled={!onPrevious} onClick={onPrevious}>
            {t('previous')}
          </Button>
          <Button aria-disabled={!onNext} onClick={onNext}>
            {t('nextPage')}
          </Button>
        </div>
      )}
    </div>
  );
}
