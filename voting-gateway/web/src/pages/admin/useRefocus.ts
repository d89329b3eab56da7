import { useLayoutEffect, useRef, type RefObject } from 'react';

/**
 * Gives the focus to an element by its `data-focus` once the next change is on the page.
 *
 * Moving a line in the document takes its focus away, and removing one loses it.
 */
export function useRefocus(root: RefObject<HTMLElement | null>): (name: string) => void {
  const wanted = useRef<string | null>(null);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    root.current?.querySelector<HTMLElement>(`[data-focus="${wanted.current}"]`)?.focus();
    wanted.current = null;
  });
  return (name) => {
    wanted.current = name;
  };
}
