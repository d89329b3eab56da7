import { useTranslations } from 'use-intl';
import type { Pairs } from '../../api/types';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';

/** How many prefer the option of the line to that of the column; what wins its pair is bold. */
export function PairsView({ pairs, nameOf }: { pairs: Pairs; nameOf: (place: number) => string }) {
  const t = useTranslations('result');
  const locale = useRegion();
  const { preferences } = pairs;
  return (
    <details className="more" open={preferences.length <= 8}>
      <summary>{t('pairs')}</summary>
      <div className="table-wrap" tabIndex={0} role="region" aria-label={t('pairs')}>
        <table className="table table-dense pairs">
          <caption>{t('pairsCaption')}</caption>
          <thead>
            <tr>
              <td />
              {preferences.map((_, column) => (
                <th key={column} scope="col" className="number">
                  {nameOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preferences.map((row, line) => (
              <tr key={line}>
                <th scope="row">{nameOf(line)}</th>
                {row.map((count, column) => (
                  <td key={column} className={`number${count > (preferences[column]?.[line] ?? 0) ? ' cell-elected' : ''}`}>
                    {line === column ? '–' : formatNumber(count, locale)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
