import { useId, type InputHTMLAttributes, type Ref } from 'react';
import { Icon } from './Icon';

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  hint?: string;
  error?: string;
  mono?: boolean;
  inputRef?: Ref<HTMLInputElement>;
}

/** A labelled input with its hint and its error. */
export function Field({ label, hint, error, mono = false, inputRef, ...input }: FieldProps) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
      <input
        {...input}
        ref={inputRef}
        id={id}
        className={mono ? 'input mono' : 'input'}
        aria-describedby={describedBy}
        aria-invalid={error ? true : undefined}
      />
      {error && (
        <p id={`${id}-error`} className="field-error">
          <Icon name="warning" />
          <span>{error}</span>
        </p>
      )}
    </div>
  );
}
