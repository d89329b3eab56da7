/**
 * Whoever would lose something is asked before the page is left: by a link, a shortcut, the browser's Back, or signing out.
 *
 * Steps of one page leave nothing, and redirections are decisions of the application. Closing the window is the browser's to
 * ask about.
 */
import type { AroundNavHandler } from 'wouter';

/** Puts the question; `go` leaves. */
type Asked = (go: () => void) => void;

let asked: Asked | null = null;

/** From now on `ask` is asked, until the returned function is called. */
export function askBeforeLeaving(ask: Asked): () => void {
  asked = ask;
  return () => {
    if (asked === ask) asked = null;
  };
}

/** Leaves at once, or once whoever is asked says so. */
export function leave(go: () => void): void {
  if (asked === null) go();
  else
    asked(() => {
      asked = null;
      go();
    });
}

export const aroundNav: AroundNavHandler = (navigate, to, options) => {
  const go = (): void => navigate(to, options);
  const isLeaving = options?.replace !== true && new URL(to, location.href).pathname !== location.pathname;
  if (isLeaving) leave(go);
  else go();
};

/** Where the page is, also while the browser shows another address already. */
let [path, address] = ['', ''];
const note = (): void => {
  path = location.pathname;
  address = path + location.search;
};

/** Follows the browser's own movements; before the router does, because it is told at once. */
export function watchHistory(): () => void {
  const moved = (event: Event): void => {
    if (asked === null || location.pathname === path) return note();
    event.stopImmediatePropagation();
    // What was wanted is then one step back, wherever it was.
    history.pushState(null, '', address);
    leave(() => history.back());
  };
  note();
  addEventListener('popstate', moved, true);
  for (const own of ['pushState', 'replaceState']) addEventListener(own, note);
  return () => {
    removeEventListener('popstate', moved, true);
    for (const own of ['pushState', 'replaceState']) removeEventListener(own, note);
  };
}
