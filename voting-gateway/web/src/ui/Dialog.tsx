/** The browser's own dialog: it keeps the focus inside, makes the rest inert, and gives the focus back. */
import { useEffect, useId, useRef, type ReactNode } from 'react';

interface DialogProps {
  open: boolean;
  title: string;
  /** Esc, the backdrop, or whatever else leaves it without a decision; without it there is no leaving. */
  onDismiss?: () => void;
  children: ReactNode;
  actions?: ReactNode;
}

export function Dialog({ open, title, onDismiss, children, actions }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const dialog = ref.current;
    if (open && dialog && !dialog.open) dialog.showModal();
    if (!open && dialog?.open) dialog.close();
  }, [open]);

  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={titleId}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !onDismiss) event.preventDefault();
      }}
      onCancel={(event) => {
        event.preventDefault();
        onDismiss?.();
      }}
      onClose={() => {
        // Told late, when it may be open for another question already.
        if (!open || ref.current?.open) return;
        // Browsers close a dialog at the second Esc whatever the page says.
        if (onDismiss) onDismiss();
        else ref.current?.showModal();
      }}
      onClick={(event) => {
        if (event.target === ref.current && isOutside(event.clientX, event.clientY, ref.current)) onDismiss?.();
      }}
    >
      {open && (
        <div className="dialog-body">
          <h2 id={titleId}>{title}</h2>
          {children}
          {actions && <div className="dialog-actions">{actions}</div>}
        </div>
      )}
    </dialog>
  );
}

/** The backdrop belongs to the dialog element, and so do its borders. */
function isOutside(x: number, y: number, dialog: HTMLElement): boolean {
  const box = dialog.getBoundingClientRect();
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
