import { useTranslations } from 'use-intl';
import { ShortcutTable } from '../app/ShortcutTable';
import { Page } from '../ui/Page';

export default function Keyboard() {
  const t = useTranslations('keyboard');
  return (
    <Page title={t('title')} lead={t('lead')} narrow>
      <ShortcutTable />
    </Page>
  );
}
