import { useTranslations } from 'use-intl';

/** Among the facts of an election: that nobody else can be certified to vote, and what the voters hash to. */
export function FrozenRoll({ root }: { root: string | undefined }) {
  const t = useTranslations('election');
  if (root === undefined) return null;
  return (
    <>
      <dt>{t('frozenRoll')}</dt>
      <dd>
        {t('frozenRollHint')}
        <br />
        <span className="mono small">{root}</span>
      </dd>
    </>
  );
}
