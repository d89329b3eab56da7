/** Making a trustee's key: made, saved, loaded again, and only then handed over. */
import { useCallback, useState, type FormEvent } from 'react';
import { useTranslations } from 'use-intl';
import { useLocation } from 'wouter';
import '../../styles/receipt.css';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Field } from '../../ui/Field';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { Steps } from '../../ui/Steps';
import { Fingerprint, useFingerprint } from '../sealed/Fingerprint';
import { FileField } from './FileField';
import { type Keeping, useKeeping } from './keeping';

const STEPS = ['make', 'keep', 'prove', 'hand'] as const;
type Step = (typeof STEPS)[number];

interface Made {
  step: Step;
  publicKey: string;
  /** Whether a copy was loaded and gave the same key. */
  isProved?: boolean;
}

const NOTHING: Made = { step: 'make', publicKey: '' };

export default function NewKey() {
  const t = useTranslations('trustee');
  const [{ step, publicKey, isProved = false }, setMade] = useState<Made>(NOTHING);
  const [isNone, setIsNone] = useState(false);
  const keeping = useKeeping(useCallback(() => setMade(NOTHING), []));
  const make = async (): Promise<void> => {
    const made = await keeping.make();
    if (made) setMade({ step: 'keep', publicKey: made.publicKey });
  };
  const load = async (file: File): Promise<void> => {
    const loaded = await keeping.load(file);
    setIsNone(loaded === null);
    if (loaded) setMade({ step: 'hand', publicKey: loaded.publicKey });
  };
  return (
    <Page title={t('keyTitle')} lead={t('keyLead')} narrow>
      <Steps label={t('steps.label')} steps={STEPS.map((one) => t(`steps.${one}`))} current={STEPS.indexOf(step)} />
      <section className="card stack" aria-label={t(`steps.${step}`)}>
        {step === 'make' && (
          <>
            <p>{t('make.body')}</p>
            <div>
              <Button variant="primary" large onClick={() => void make()}>
                {t('make.button')}
              </Button>
            </div>
            <FileField label={t('make.have')} error={isNone ? t('prove.none') : undefined} onFile={(file) => void load(file)} />
          </>
        )}
        {(step === 'keep' || step === 'prove') && (
          <Backup keeping={keeping} publicKey={publicKey} isSaved={step === 'prove'} onSaved={() => setMade({ step: 'prove', publicKey })} onProved={() => setMade({ step: 'hand', publicKey, isProved: true })} />
        )}
        {step === 'hand' && <HandOver publicKey={publicKey} isProved={isProved} />}
      </section>
      <FindElection />
    </Page>
  );
}

interface BackupProps {
  keeping: Keeping;
  publicKey: string;
  isSaved: boolean;
  onSaved: () => void;
  onProved: () => void;
}

function Backup({ keeping, publicKey, isSaved, onSaved, onProved }: BackupProps) {
  const t = useTranslations('trustee');
  const [verdict, setVerdict] = useState<'wrong' | 'none' | null>(null);
  const fingerprint = useFingerprint(publicKey);
  const save = async (): Promise<void> => {
    await keeping.save(`trustee-${fingerprint ?? ''}.key`);
    onSaved();
  };
  const prove = async (file: File): Promise<void> => {
    const found = await keeping.compare(file);
    if (found === 'same') onProved();
    else setVerdict(found === 'none' ? 'none' : 'wrong');
  };
  return (
    <>
      <p>{t('keep.body')}</p>
      <div>
        <Button variant={isSaved ? 'secondary' : 'primary'} large={!isSaved} onClick={() => void save()}>
          <Icon name="download" />
          {t(isSaved ? 'keep.again' : 'keep.button')}
        </Button>
      </div>
      {isSaved && <FileField label={t('prove.file')} hint={t('prove.body')} error={verdict ? t(`prove.${verdict}`) : undefined} onFile={(file) => void prove(file)} />}
    </>
  );
}

function HandOver({ publicKey, isProved }: { publicKey: string; isProved: boolean }) {
  const t = useTranslations('trustee');
  const fingerprint = useFingerprint(publicKey);
  return (
    <>
      {isProved && <Notice tone="success" title={t('prove.right')} />}
      <p>{t('hand.body')}</p>
      <dl className="facts facts-narrow">
        <dt>{t('hand.publicKey')}</dt>
        <dd className="mono small" data-key={publicKey}>
          {publicKey}
        </dd>
        <dt>{t('hand.fingerprint')}</dt>
        <dd className="mono">
          <Fingerprint of={publicKey} />
        </dd>
      </dl>
      <div className="row">
        <CopyButton text={publicKey} label={t('hand.copyKey')} />
        <CopyButton text={fingerprint ?? ''} label={t('hand.copyFingerprint')} />
      </div>
      <div className="stack-tight">
        <h2 className="h3">{t('hand.next')}</h2>
        <p>{t('hand.nextBody')}</p>
      </div>
    </>
  );
}

function FindElection() {
  const t = useTranslations('trustee.find');
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const go = (event: FormEvent): void => {
    event.preventDefault();
    const id = text.trim().toLowerCase();
    const isId = /^[0-9a-f]{32}$/.test(id);
    setWrong(!isId);
    if (isId) navigate(`/app/trustee/${id}`);
  };
  return (
    <form className="stack" onSubmit={go} noValidate>
      <h2 className="h3">{t('title')}</h2>
      <Field label={t('label')} hint={t('hint')} error={wrong ? t('error') : undefined} mono autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
      <div>
        <Button type="submit">{t('button')}</Button>
      </div>
    </form>
  );
}
