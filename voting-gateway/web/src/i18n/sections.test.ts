import { act, createElement, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { IntlProvider, useTranslations } from 'use-intl';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Locale } from '../preferences';
import { de } from './de';
import { en } from './en';
import { loadWords, Section, withWords } from './sections';

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);

/** Words of the administration come when the test lets them. */
const gate = vi.hoisted(() => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
});
vi.mock('./admin.en', async (load) => {
  await gate.opened;
  return load();
});

let made = 0;
function Probe() {
  const t = useTranslations();
  const [number] = useState(() => ++made);
  return createElement('p', null, `${number}: ${t('network.title')}, ${t('common.cancel')}`);
}

function render() {
  const box = document.createElement('div');
  const root = createRoot(box);
  onTestFinished(() => act(() => root.unmount()));
  const show = (locale: Locale, page: React.ReactNode) =>
    act(async () => root.render(createElement(IntlProvider, { locale, messages: locale === 'en' ? en : de, timeZone: 'UTC' } as never, page)));
  return { box, show };
}

it('a page of a section has its words at once, and stays while those of another language come', async () => {
  const { default: Page } = await withWords('network', async () => ({ default: Probe }));
  const { box, show } = render();
  await show('en', createElement(Page));
  const first = made;
  expect(box.textContent).toBe(`${first}: Network, Cancel`);
  await show('de', createElement(Page));
  await act(() => loadWords('network', 'de'));
  expect(box.textContent).toBe(`${first}: Netz, Abbrechen`);
});

it('words that are not there yet are waited for', async () => {
  const { box, show } = render();
  await show('en', createElement(Section, { name: 'admin', children: createElement('p', null, 'there') }));
  expect(box.textContent).not.toContain('there');
  // From here on React works as in a browser, and not step by step.
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', false);
  onTestFinished(() => void vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true));
  gate.open();
  await vi.waitFor(() => expect(box.textContent).toBe('there'));
});
