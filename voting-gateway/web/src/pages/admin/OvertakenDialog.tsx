import { useTranslations } from 'use-intl';
import { announce } from '../../ui/announcer';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import type { DraftState } from './useDraft';

/** Somebody else has saved the draft meanwhile: one of the two is lost, and whoever is here decides which. */
export function OvertakenDialog({ state: { isOvertaken, loadTheirs, keepMine, leaveOpen } }: { state: DraftState }) {
  const t = useTranslations('admin.overtaken');
  const decide = (task: () => Promise<void>, said: string): void => {
    // What goes wrong is shown on the page.
    void task().then(
      () => announce(said),
      () => undefined,
    );
  };
  return (
    <Dialog
      open={isOvertaken}
      title={t('title')}
      onDismiss={leaveOpen}
      actions={
        <>
          <Button variant="primary" onClick={() => decide(loadTheirs, t('loadedSaid'))}>
            {t('loadTheirs')}
          </Button>
          <Button onClick={() => decide(keepMine, t('keptSaid'))}>{t('keepMine')}</Button>
        </>
      }
    >
      <p>{t('body')}</p>
      <p>{t('choice')}</p>
    </Dialog>
  );
}
