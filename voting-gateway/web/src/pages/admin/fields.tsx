/** Inputs of the wizard beside the plain one. */
import { useId, type ReactNode } from 'react';
import { Field } from '../../ui/Field';

interface LabelledProps {
  label: string;
  hint?: ReactNode;
}

interface TextAreaProps extends LabelledProps {
  value: string;
  rows: number;
  mono?: boolean;
  placeholder?: string;
  onChange: (value: string) => void;
}

export function TextArea({ label, hint, value, rows, mono = false, placeholder, onChange }: TextAreaProps) {
  const id = useId();
  return (
    <div className="field field-wide">
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
      <textarea
        id={id}
        className={mono ? 'input mono' : 'input'}
        rows={rows}
        value={value}
        placeholder={placeholder}
        spellCheck={!mono}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

interface SelectProps<T extends string> extends LabelledProps {
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({ label, hint, value, options, onChange }: SelectProps<T>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input"
        value={value}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {hint && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface NumberProps {
  label: string;
  hint: string;
  value: number | null;
  usual: number;
  most: number;
  least?: number;
  onChange: (value: number | null) => void;
}

/** A whole number; empty for the usual one, which stands there in grey. */
export function NumberField({ label, hint, value, usual, most, least = 1, onChange }: NumberProps) {
  return (
    <Field
      label={label}
      hint={hint}
      type="number"
      inputMode="numeric"
      min={least}
      max={most}
      step={1}
      value={value ?? ''}
      placeholder={String(usual)}
      onChange={(event) => onChange(event.target.value === '' ? null : Number(event.target.value))}
    />
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  value: T;
  choices: readonly { value: T; name: string; hint: string; disabled?: boolean }[];
  onChange: (value: T) => void;
}

/** A few ways to go, each with what it means. */
export function ChoiceField<T extends string>({ legend, value, choices, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend className="choice-legend">{legend}</legend>
      <div className="options">
        {choices.map((choice) => (
          <label key={choice.value} className="option">
            <input type="radio" name={name} checked={choice.value === value} disabled={choice.disabled} onChange={() => onChange(choice.value)} />
            <span className="option-words">
              <span className="option-name">{choice.name}</span>
              <span className="option-note">{choice.hint}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
