import { useTranslations } from 'use-intl';

const SHORTCUTS = [
  { keys: ['?'], does: 'help' },
  { keys: ['g', 'e'], does: 'elections' },
  { keys: ['g', 'r'], does: 'results' },
  { keys: ['g', 'c'], does: 'check' },
  { keys: ['Tab'], does: 'next' },
  { keys: ['Space'], does: 'mark' },
  { keys: ['Esc'], does: 'leave' },
] as const;

export function ShortcutTable() {
  const t = useTranslations('keyboard');
  return (
    <div className="table-wrap">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('keys')}</th>
            <th scope="col">{t('does')}</th>
          </tr>
        </thead>
        <tbody>
          {SHORTCUTS.map(({ keys, does }) => (
            <tr key={does}>
              <th scope="row" className="nowrap">
                {keys.map((key, index) => (
                  <span key={key}>
                    {index > 0 && ` ${t('then')} `}
                    <kbd className="kbd">{key}</kbd>
                  </span>
                ))}
              </th>
              <td>{t(`actions.${does}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
