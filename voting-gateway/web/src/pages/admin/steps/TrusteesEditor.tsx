import { useRef } from 'react';
import { useTranslations } from 'use-intl';
import { announce } from '../../../ui/announcer';
import { Button } from '../../../ui/Button';
import { Icon } from '../../../ui/Icon';
import { isKey, newTrustee, trusteesOf, USUAL_MIN_BALLOTS, usualThreshold, type Draft, type Office, type TrusteeDraft } from '../draft';
import { NumberField } from '../fields';
import { useRefocus } from '../useRefocus';

const MAX_TRUSTEES = 50;

interface TrusteesEditorProps {
  draft: Draft;
  office: Office;
  onChange: (news: Partial<Draft>) => void;
}

/** Who decrypts the sums, how many of them it takes, and how many ballots there must be. */
export function TrusteesEditor({ draft, office, onChange }: TrusteesEditorProps) {
  const t = useTranslations('admin.trustees');
  const root = useRef<HTMLFieldSetElement>(null);
  const refocus = useRefocus(root);
  const { trustees } = draft;
  const count = trusteesOf(draft).length;
  const isOffice = office !== undefined && JSON.stringify(trusteesOf(draft)) === JSON.stringify(office.trustees.map(({ name, key }) => ({ name, key })));

  const set = (next: TrusteeDraft[]): void => onChange({ trustees: next });
  const add = (): void => {
    const trustee = newTrustee();
    refocus(trustee.key);
    set([...trustees, trustee]);
  };
  const remove = (place: number): void => {
    refocus((trustees[place + 1] ?? trustees[place - 1])?.key ?? 'add-trustee');
    announce(t('removedSaid', { number: place + 1 }));
    set(trustees.filter((_, other) => other !== place));
  };
  const removeAll = (): void => {
    const first = newTrustee();
    refocus(first.key);
    announce(t('removedAllSaid'));
    onChange({ trustees: [first], threshold: null, minBallots: null });
  };

  return (
    <fieldset className="stack" ref={root}>
      <legend className="field-legend">{t('title')}</legend>
      <p className="muted">{t('hint')}</p>
      <p className="muted">{isOffice ? t('office') : t('howTo', { address: `${location.origin}/app/trustee` })}</p>
      <ol className="option-lines">
        {trustees.map((trustee, place) => {
          const number = place + 1;
          const change = (news: Partial<TrusteeDraft>): void => set(trustees.map((other, at) => (at === place ? { ...other, ...news } : other)));
          return (
            <li key={trustee.key} className="option-line">
              <span className="option-place" aria-hidden="true">
                {number}.
              </span>
              <div className="option-inputs">
                <input
                  className="input"
                  aria-label={t('name', { number })}
                  placeholder={t('namePlaceholder')}
                  data-focus={trustee.key}
                  value={trustee.name}
                  autoComplete="off"
                  onChange={(event) => change({ name: event.target.value })}
                />
                <input
                  className="input input-note mono"
                  aria-label={t('key', { number })}
                  placeholder={t('keyPlaceholder')}
                  value={trustee.publicKey}
                  autoComplete="off"
                  spellCheck={false}
                  aria-invalid={trustee.publicKey !== '' && !isKey(trustee.publicKey) ? true : undefined}
                  onChange={(event) => change({ publicKey: event.target.value })}
                />
              </div>
              <div className="option-buttons">
                <Button className="button-icon" aria-label={t('remove', { number })} onClick={() => remove(place)}>
                  <Icon name="close" />
                </Button>
              </div>
            </li>
          );
        })}
      </ol>
      <div className="row">
        <Button data-focus="add-trustee" aria-disabled={trustees.length >= MAX_TRUSTEES} onClick={add}>
          {t('add')}
        </Button>
        {trustees.length > 1 && (
          <Button variant="quiet" onClick={removeAll}>
            {t('removeAll')}
          </Button>
        )}
      </div>
      <div className="numbers">
        <NumberField
          label={t('threshold')}
          hint={t('thresholdHint', { count })}
          value={draft.threshold}
          usual={usualThreshold(count)}
          most={Math.max(1, count)}
          onChange={(threshold) => onChange({ threshold })}
        />
        <NumberField
          label={t('minBallots')}
          hint={t('minBallotsHint')}
          value={draft.minBallots}
          usual={USUAL_MIN_BALLOTS}
          most={1_000_000}
          onChange={(minBallots) => onChange({ minBallots })}
        />
      </div>
    </fieldset>
  );
}
