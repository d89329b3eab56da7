import { useTranslations } from 'use-intl';

const KNOWN = ['draft', 'ready', 'scheduled', 'open', 'closed', 'tallied', 'published', 'cancelled'] as const;

/** Where an election stands; for who has voted, that they have. */
export function PhaseChip({ phase, voted = false }: { phase: string; voted?: boolean }) {
  const t = useTranslations('phases');
  const known = KNOWN.find((name) => name === phase);
  if (voted && phase === 'open') return <span className="chip chip-voted">{t('voted')}</span>;
  return <span className={`chip chip-${phase}`}>{known ? t(known) : phase}</span>;
}
