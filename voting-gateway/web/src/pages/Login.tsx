import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Redirect, useLocation, useSearch } from 'wouter';
import '../styles/elections.css';
import type { DemoAccount } from '../api/types';
import { LoginForm } from '../app/LoginForm';
import { networkQuery } from '../services/network';
import { useAccount } from '../session';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';

/** Where to go after signing in: a path of this application, and nothing that another page could smuggle in. */
export function backPath(search: string): string {
  const back = new URLSearchParams(search).get('back') ?? '';
  return /^\/app\/[\w/?=&.-]*$/.test(back) ? back : '/app/elections';
}

function Demo({ accounts, onChoose }: { accounts: DemoAccount[]; onChoose: (account: DemoAccount) => void }) {
  const t = useTranslations('login');
  return (
    <section className="card stack" aria-labelledby="demo">
      <div className="stack-tight">
        <h2 id="demo" className="h3">
          {t('demoTitle')}
        </h2>
        <p className="muted small">{t('demoLead')}</p>
      </div>
      <ul className="demo">
        {accounts.map((account) => (
          <li key={account.email}>
            <Button className="demo-button" onClick={() => onChoose(account)}>
              <span>{account.name}</span>
              <span className="muted small demo-mail">{account.email}</span>
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export default function Login() {
  const t = useTranslations('login');
  const account = useAccount();
  const search = useSearch();
  const [, navigate] = useLocation();
  const { data: network } = useQuery(networkQuery);
  const [filled, setFilled] = useState<DemoAccount | null>(null);
  if (account) return <Redirect to={backPath(search)} replace />;
  return (
    <Page title={t('title')} lead={t('lead')}>
      <div className="login">
        <section className="card">
          <LoginForm filled={filled} onDone={() => navigate(backPath(search), { replace: true })} />
        </section>
        {network?.demo && network.demo.length > 0 && <Demo accounts={network.demo} onChoose={(one) => setFilled({ ...one })} />}
      </div>
    </Page>
  );
}
