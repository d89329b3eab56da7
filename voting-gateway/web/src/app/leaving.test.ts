import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { askBeforeLeaving, aroundNav, leave, watchHistory } from './leaving';

const navigate = vi.fn();
beforeEach(() => {
  history.replaceState(null, '', '/app/admin/new?step=dates');
  onTestFinished(watchHistory());
});
afterEach(() => vi.clearAllMocks());

function ask() {
  const asked = vi.fn<(go: () => void) => void>();
  onTestFinished(askBeforeLeaving(asked));
  return asked;
}

/** The browser is somewhere else already when it tells. */
function pop(to: string): { told: boolean } {
  history.replaceState(null, '', to);
  const told = { told: false };
  const router = (): void => void (told.told = true);
  addEventListener('popstate', router);
  dispatchEvent(new PopStateEvent('popstate'));
  removeEventListener('popstate', router);
  return told;
}

it('asks about links away, and not about steps of the page or redirections', () => {
  const asked = ask();
  aroundNav(navigate, '/app/admin/new?step=check');
  aroundNav(navigate, '/app/login', { replace: true });
  expect(navigate).toHaveBeenCalledTimes(2);
  aroundNav(navigate, '/app/elections');
  expect(navigate).toHaveBeenCalledTimes(2);
  asked.mock.calls[0]?.[0]();
  expect(navigate).toHaveBeenLastCalledWith('/app/elections', undefined);
  const go = vi.fn();
  leave(go);
  expect(go).toHaveBeenCalled();
});

it('keeps the page and its address when the browser goes back, until somebody lets go', () => {
  const asked = ask();
  const back = vi.spyOn(history, 'back').mockImplementation(() => undefined);
  expect(pop('/app/admin')).toEqual({ told: false });
  expect(location.pathname + location.search).toBe('/app/admin/new?step=dates');
  expect(back).not.toHaveBeenCalled();
  asked.mock.calls[0]?.[0]();
  expect(back).toHaveBeenCalledOnce();
  expect(pop('/app/admin')).toEqual({ told: true });
});

it('lets the browser go back to another step, and anywhere when nobody asks', () => {
  const done = askBeforeLeaving(() => expect.unreachable());
  expect(pop('/app/admin/new?step=basics')).toEqual({ told: true });
  done();
  expect(pop('/app/admin')).toEqual({ told: true });
});
