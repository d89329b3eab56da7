// What is loaded when: nobody waits for words and programs of pages that they do not visit.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

let app, browser, admin;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
});
after(async () => {
  await browser?.close();
  app?.stop();
});

/** Names of the scripts that a page asks for, without what their content adds to them. */
function scriptsOf(page) {
  const names = new Set();
  page.on('request', (request) => {
    const [, name] = /\/assets\/([\w.]+)-[\w-]{8}\.js$/.exec(request.url()) ?? [];
    if (name) names.add(name);
  });
  return names;
}

describe('loading', () => {
  it('brings words of administration and network with their pages, and not before', async () => {
    const { context, page, faults } = await openWindow(browser, app.url);
    const scripts = scriptsOf(page);
    await signIn(page, PEOPLE.admin);
    await page.getByText('Board election').first().waitFor();
    assert.ok(scripts.has('en') && !scripts.has('de'), [...scripts].join());
    assert.deepEqual([...scripts].filter((name) => /^(admin|network)\./.test(name)), []);
    await page.getByRole('link', { name: 'Network', exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Network' }).waitFor();
    assert.deepEqual([...scripts].filter((name) => /^(admin|network)\./.test(name)), ['network.en']);
    await page.getByRole('link', { name: 'Administration' }).first().click();
    await page.getByRole('link', { name: 'New election' }).click();
    await page.getByLabel('Title').fill('Kept');
    // Another language brings its own words, and what was typed stays.
    await page.locator('.menu > summary').click();
    await page.getByRole('radio', { name: 'Deutsch' }).check({ force: true });
    await page.getByRole('heading', { level: 1, name: 'Grundlagen' }).waitFor();
    assert.equal(await page.getByLabel('Titel').inputValue(), 'Kept');
    assert.deepEqual([...scripts].filter((name) => /^(admin|network)\./.test(name)), ['network.en', 'admin.en', 'admin.de']);
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('brings the curve only to verify the receipt, where the browser signs by itself', async () => {
    const id = await openElection(app.url, admin, { title: 'Curve', candidates: ['Ada', 'Bob'] });
    const { context, page } = await openWindow(browser, app.url);
    const scripts = scriptsOf(page);
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${id}/vote`);
    await page.getByLabel('Ada', { exact: true }).check();
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('Your ballot is ready, and not cast yet').waitFor();
    assert.equal(scripts.has('strict'), false);
    await page.getByRole('button', { name: 'Cast my vote' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
    await page.waitForURL('**/receipt');
    assert.equal(scripts.has('strict'), true);
    await context.close();
  });
});
