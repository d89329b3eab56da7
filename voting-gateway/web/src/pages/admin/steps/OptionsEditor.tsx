import { useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { announce } from '../../../ui/announcer';
import { Button } from '../../../ui/Button';
import { moved, newOption, type OptionDraft } from '../draft';
import { MoveButtons } from '../MoveButtons';
import { useRefocus } from '../useRefocus';

interface OptionsEditorProps {
  options: OptionDraft[];
  onChange: (options: OptionDraft[]) => void;
}

/** The options of a question: written, noted, ordered and removed, with the keyboard as with the mouse. */
export function OptionsEditor({ options, onChange }: OptionsEditorProps) {
  const t = useTranslations('admin.questions');
  const root = useRef<HTMLFieldSetElement>(null);
  const refocus = useRefocus(root);

  const addAfter = (place: number): void => {
    const option = newOption();
    refocus(option.key);
    onChange([...options.slice(0, place + 1), option, ...options.slice(place + 1)]);
  };
  const remove = (place: number): void => {
    const next = options[place + 1] ?? options[place - 1];
    refocus(next?.key ?? 'add');
    announce(t('removedSaid', { number: place + 1 }));
    onChange(options.filter((_, other) => other !== place));
  };
  const move = (place: number, to: number, button: string): void => {
    const option = options[place];
    if (!option || to < 0 || to >= options.length) return;
    refocus(`${option.key}-${button}`);
    announce(t('movedSaid', { name: option.name || t('option', { number: place + 1 }), number: to + 1 }));
    onChange(moved(options, place, to));
  };

  return (
    <fieldset className="stack-tight" ref={root}>
      <legend className="field-legend">{t('options')}</legend>
      <ol className="option-lines">
        {options.map((option, place) => (
          <OptionLine
            key={option.key}
            option={option}
            place={place}
            count={options.length}
            onChange={(news) => onChange(options.map((other, at) => (at === place ? { ...other, ...news } : other)))}
            onEnter={() => addAfter(place)}
            onMove={(to, button) => move(place, to, button)}
            onRemove={() => remove(place)}
          />
        ))}
      </ol>
      <div>
        <Button data-focus="add" onClick={() => addAfter(options.length - 1)}>
          {t('add')}
        </Button>
      </div>
    </fieldset>
  );
}

interface OptionLineProps {
  option: OptionDraft;
  place: number;
  count: number;
  onChange: (news: Partial<OptionDraft>) => void;
  onEnter: () => void;
  onMove: (to: number, button: string) => void;
  onRemove: () => void;
}

function OptionLine({ option, place, count, onChange, onEnter, onMove, onRemove }: OptionLineProps) {
  const t = useTranslations('admin.questions');
  const [noting, setNoting] = useState(option.description !== '');
  const number = place + 1;
  return (
    <li className="option-line">
      <span className="option-place" aria-hidden="true">
        {number}.
      </span>
      <div className="option-inputs">
        <input
          className="input"
          aria-label={t('option', { number })}
          data-focus={option.key}
          value={option.name}
          autoComplete="off"
          onChange={(event) => onChange({ name: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
              event.preventDefault();
              onEnter();
            }
          }}
        />
        {noting ? (
          <input
            className="input input-note"
            aria-label={t('optionDescription', { number })}
            placeholder={t('notePlaceholder')}
            value={option.description}
            // It has just been asked for.
            autoFocus={option.description === ''}
            onChange={(event) => onChange({ description: event.target.value })}
          />
        ) : (
          <button type="button" className="link-button small" aria-label={t('addNoteTo', { number })} onClick={() => setNoting(true)}>
            {t('addNote')}
          </button>
        )}
      </div>
      <MoveButtons
        focusKey={option.key}
        place={place}
        count={count}
        labels={{ up: t('up', { number }), down: t('down', { number }), remove: t('remove', { number }) }}
        onMove={onMove}
        onRemove={onRemove}
      />
    </li>
  );
}
