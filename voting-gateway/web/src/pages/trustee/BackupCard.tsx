/** Proving a backup once there is a key: the file gives the part that everyone knows of it. */
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Notice } from '../../ui/Notice';
import { FileField } from './FileField';
import type { Keeping } from './keeping';

export function BackupCard({ keeping }: { keeping: Keeping }) {
  const t = useTranslations('trustee.backup');
  const [verdict, setVerdict] = useState<{ number: number | null } | null>(null);
  const check = async (file: File): Promise<void> => setVerdict({ number: await keeping.check(file) });
  return (
    <section className="card stack" aria-labelledby="backup">
      <h2 id="backup" className="h3">
        {t('title')}
      </h2>
      <FileField label={t('label')} hint={t('body')} onFile={(file) => void check(file)} />
      {verdict && (
        <Notice tone={verdict.number === null ? 'danger' : 'success'} urgent>
          <p>{verdict.number === null ? t('fails') : t('holds', { number: verdict.number })}</p>
        </Notice>
      )}
    </section>
  );
}
