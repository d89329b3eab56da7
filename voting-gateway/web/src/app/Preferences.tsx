import { useId } from 'react';
import { useTranslations } from 'use-intl';
import { LOCALES, setLocale, setTheme, THEMES, useChosenLocale, useTheme } from '../preferences';

/** Every language by its own name. */
const NAMES = { en: 'English', de: 'Deutsch' } as const;

interface SegmentsProps<T extends string> {
  legend: string;
  values: readonly T[];
  chosen: T;
  nameOf: (value: T) => string;
  langOf?: (value: T) => string;
  onChoose: (value: T) => void;
}

function Segments<T extends string>({ legend, values, chosen, nameOf, langOf, onChoose }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className="stack-tight">
      <legend className="small muted">{legend}</legend>
      <div className="segments">
        {values.map((value) => (
          <label key={value} lang={langOf?.(value)}>
            <input type="radio" name={name} checked={value === chosen} onChange={() => onChoose(value)} />
            {nameOf(value)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Preferences() {
  const t = useTranslations('preferences');
  const theme = useTheme();
  const locale = useChosenLocale();
  return (
    <>
      <Segments
        legend={t('language')}
        values={LOCALES}
        chosen={locale}
        nameOf={(value) => NAMES[value]}
        langOf={(value) => value}
        onChoose={setLocale}
      />
      <Segments legend={t('theme')} values={THEMES} chosen={theme} nameOf={(value) => t(`themes.${value}`)} onChoose={setTheme} />
    </>
  );
}
