import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import { networkQuery } from '../services/network';
import { shortHash } from '../ui/format';

export function Footer() {
  const t = useTranslations('footer');
  const { data: network, isPending } = useQuery(networkQuery);
  return (
    <footer className={isPending ? 'footer is-waiting' : 'footer'}>
      <div className="bar">
        <p>
          {network && (
            <>
              {t('network', { name: network.network })}
              {network.gateway && <> · {t('gateway', { name: network.gateway })}</>} · {t('genesis')}{' '}
              <span className="mono nowrap">{shortHash(network.genesis)}</span>
            </>
          )}
        </p>
        <div className="footer-links">
          <Link href="/app/keyboard">{t('keyboard')}</Link>
          <a href="/docs">{t('api')}</a>
        </div>
      </div>
    </footer>
  );
}
