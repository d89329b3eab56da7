/** The key file, and whose it is. */
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { formatDigits } from '../../ui/format';
import { Notice } from '../../ui/Notice';
import { useFingerprint } from '../sealed/Fingerprint';
import { FileField } from './FileField';
import type { Keeping } from './keeping';
import type { Attended } from './tasks';

/** The public half of the key that is loaded. */
export type Key = { publicKey: string } | null;

interface LoadKeyProps {
  attended: Attended;
  keeping: Keeping;
  publicKey: Key;
  onKey: (key: Key) => void;
}

export function LoadKey({ attended, keeping, publicKey, onKey }: LoadKeyProps) {
  const t = useTranslations('trustee');
  const [isNone, setIsNone] = useState(false);
  const { definition, number, trouble } = attended;
  const trustees = definition.sealing?.trustees ?? [];
  const load = async (file: File): Promise<void> => {
    const loaded = await keeping.load(file);
    setIsNone(loaded === null);
    if (loaded) onKey(loaded);
  };
  if (number !== null) {
    const name = trustees[number - 1]?.name ?? '';
    return (
      <>
        <Notice tone="success" title={t('you', { number, name })}>
          <p>{t('secretNote', { name })}</p>
        </Notice>
        {trouble && <Trouble attended={attended} />}
      </>
    );
  }
  return (
    <section className="card stack" aria-labelledby="load">
      <h2 id="load" className="h3">
        {t('load.title')}
      </h2>
      <FileField label={t('load.label')} hint={t('load.body')} error={isNone ? t('prove.none') : undefined} onFile={(file) => void load(file)} />
      {publicKey && <Stranger publicKey={publicKey.publicKey} />}
      <details>
        <summary>{t('load.lost')}</summary>
        <p>{attended.phase === 'done' ? t('lost.done', { threshold: definition.sealing?.threshold ?? 0, count: trustees.length }) : t('lost.ready')}</p>
      </details>
    </section>
  );
}

function Stranger({ publicKey }: { publicKey: string }) {
  const t = useTranslations('trustee.load');
  const fingerprint = useFingerprint(publicKey);
  return (
    <p role="alert" className="field-error">
      {t('stranger', { fingerprint: formatDigits(fingerprint ?? '') })}
    </p>
  );
}

const KNOWN = ['wrong_share', 'other_ceremony', 'not_a_trustee'] as const;

/** Why this trustee does not go on. */
function Trouble({ attended: { trouble } }: { attended: Attended }) {
  const t = useTranslations('trustee');
  if (trouble?.code === 'excluded') return <Notice tone="warning" title={t('ceremony.title')}>{t('ceremony.excluded')}</Notice>;
  const known = KNOWN.find((code) => code === trouble?.code);
  const reason = t(`reasons.${known ?? 'other'}`, { number: String(trouble?.dealer ?? ''), code: trouble?.code ?? '' });
  return (
    <Notice tone="danger" title={t('ceremony.title')} urgent>
      <p>{t('ceremony.cannot', { reason })}</p>
    </Notice>
  );
}
