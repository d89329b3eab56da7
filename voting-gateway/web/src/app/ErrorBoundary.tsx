import { Component, type ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';

interface State {
  failed: boolean;
}

/** Catches faults of a page, which leave the rest of the application in order. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Fault /> : this.props.children;
  }
}

function Fault() {
  const t = useTranslations('fault');
  return (
    <Page title={t('title')} lead={t('lead')} narrow>
      <div className="row">
        <Button variant="primary" onClick={() => location.reload()}>
          {t('reload')}
        </Button>
      </div>
    </Page>
  );
}
