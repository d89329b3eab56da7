import { useTranslations } from 'use-intl';
import type { Pairs } from '../../api/types';
import { LockedView } from './LockedView';
import { Matrix } from './Matrix';

/** How options fare against each other, and what the method makes of it. */
export function PairsView({ pairs, nameOf }: { pairs: Pairs; nameOf: (place: number) => string }) {
  const t = useTranslations('result');
  return (
    <>
      <Matrix title={t('pairs')} caption={t('pairsCaption')} cells={pairs.preferences} nameOf={nameOf} />
      {pairs.paths.length > 0 && <Matrix title={t('paths')} caption={t('pathsCaption')} cells={pairs.paths} nameOf={nameOf} />}
      {pairs.locked.length > 0 && <LockedView pairs={pairs} nameOf={nameOf} />}
    </>
  );
}
