import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, importElection, openElection, openWindow, PEOPLE, startApp, startBrowser, sticksOut, tokenOf } from './harness.mjs';

const METHODS = ['scottish-stv', 'schulze', 'plurality'];
let app, browser;
const ids = new Map();
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  for (const method of METHODS) ids.set(method, await importElection(app.url, method, method === 'schulze' ? { seats: 1 } : {}));
});
after(async () => {
  await browser?.close();
  app?.stop();
});

const pathOf = (method) => `/app/elections/${ids.get(method)}/result`;

describe('results', () => {
  it('say what the authorities have certified, to everyone', async () => {
    const { context, page, faults } = await openWindow(browser, app.url);
    for (const method of METHODS) {
      const result = await call(app.url, 'GET', `/elections/${ids.get(method)}/results`);
      assert.equal(result.final, true);
      await page.goto(pathOf(method));
      const table = page.locator('.result-grid table');
      await table.waitFor();
      const [contest] = result.contests;
      const rows = await table.locator('tbody tr').evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
      assert.deepEqual(rows.map(([name, votes]) => [name, votes]), contest.options.map((option) => [option.name, String(option.votes)]));
      assert.deepEqual(
        rows.filter((cells) => cells.at(-1) === 'Elected').map(([name]) => name),
        contest.options.filter((option) => option.elected).map((option) => option.name),
      );
    }
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('say whether quorum and majority were reached', async () => {
    const admin = await tokenOf(app.url, PEOPLE.admin);
    const contests = [{ title: 'Shall we build?', method: 'plurality', majority: 'two-thirds', quorum_percent: 50, options: [{ name: 'Yes' }, { name: 'No' }] }];
    const id = await openElection(app.url, admin, { title: 'Motion', contests });
    const close = await fetch(`${app.url}/elections/${id}/close`, { method: 'POST', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: '{}' });
    assert.ok(close.ok);
    const { context, page } = await openWindow(browser, app.url);
    await page.goto(`/app/elections/${id}/result`);
    await page.getByText('Quorum of 50 %: 2 ballots needed, 0 cast. It is missed, so nobody is elected.').waitFor();
    await page.getByText(/Majority of two thirds: .* needed\. Nobody has reached it\./).waitFor();
    await context.close();
  });

  for (const locale of ['en-GB', 'de-DE']) {
    it(`fit a phone, and a window enlarged to 200 and 400 per cent: ${locale}`, async () => {
      const { context, page } = await openWindow(browser, app.url, { locale });
      for (const viewport of [{ width: 640, height: 400 }, { width: 320, height: 256 }, { width: 390, height: 844 }]) {
        await page.setViewportSize(viewport);
        for (const path of [...METHODS.map(pathOf), `/app/elections/${ids.get('schulze')}/board`, '/app/elections', '/app/check', '/app/network']) {
          await page.goto(path);
          await page.getByRole('heading', { level: 1 }).waitFor();
          await page.locator('main .table, main form, main .card').first().waitFor();
          assert.deepEqual(await sticksOut(page), [], `${path} at ${viewport.width} px`);
        }
      }
      await context.close();
    });
  }

  it('print without what only a screen needs', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await page.goto(pathOf('scottish-stv'));
    await page.locator('.result-grid table').waitFor();
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.getByRole('navigation').first().isVisible(), false);
    assert.equal(await page.getByRole('button', { name: 'Print' }).isVisible(), false);
    assert.equal(await page.locator('.result-grid table').isVisible(), true);
    await context.close();
  });
});
