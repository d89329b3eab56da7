import { useTranslations } from 'use-intl';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { Clock, Digest } from './parts';
import type { Block } from './types';
import { formatBytes } from './units';

export function NewestBlock({ block, authorities }: { block: Block | undefined; authorities: readonly string[] }) {
  const t = useTranslations('network.block');
  const locale = useRegion();
  if (!block) {
    return (
      <section className="card stack" aria-labelledby="newest">
        <h2 id="newest">{t('title')}</h2>
        <p className="muted">{t('none')}</p>
      </section>
    );
  }
  const figures = [
    ['entries', formatNumber(block.entries, locale)],
    ['ballots', formatNumber(block.ballots, locale)],
    ['bytes', formatBytes(block.bytes, locale)],
    ['view', formatNumber(block.view, locale)],
  ] as const;
  return (
    <section className="card stack net-block" aria-labelledby="newest">
      <h2 id="newest">{t('title')}</h2>
      <p className="net-height" data-height={block.height} data-ballots={block.ballots}>
        {t('height', { height: formatNumber(block.height, locale) })}
      </p>
      <dl className="net-figures">
        {figures.map(([key, value]) => (
          <div key={key}>
            <dt>{t(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt>{t('at')}</dt>
          <dd>
            <Clock iso={block.at} />
          </dd>
        </div>
        <div>
          <dt>{t('hash')}</dt>
          <dd>
            <Digest hash={block.hash} />
          </dd>
        </div>
      </dl>
      <Signers signers={block.signers} authorities={authorities} />
    </section>
  );
}

/** All authorities have their place, so that nothing moves when others sign the next block. */
function Signers({ signers, authorities }: { signers: readonly string[]; authorities: readonly string[] }) {
  const t = useTranslations('network.block');
  return (
    <div className="stack-tight net-signers">
      <h3 id="signers" className="small muted">
        {t('signers')}
      </h3>
      {signers.length === 0 ? (
        <p>{t('later')}</p>
      ) : (
        <ul aria-labelledby="signers">
          {authorities.map((name) => (
            <li key={name} className={signers.includes(name) ? 'has-signed' : undefined} aria-hidden={!signers.includes(name)}>
              {name}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
