// What is loaded when: nobody waits for words and programs of pages that they do not visit.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { demoElection, importElection, openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

/** Beyond this a page is said to move under the reader's eyes (web.dev/cls). */
const CLS_MAX = 0.1;
/** Late enough for a page to be seen without. */
const FONT_MS = 500;
const ANSWER_MS = 250;
/** Later than answers, so that parts of pages that are programs of their own come last. */
const SCRIPT_MS = 400;

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

/** Parts of pages that are programs of their own, and those that came late. */
const PARTS = /\/assets\/(Part|VerifyEverything)-[\w-]{8}\.js$/;
const cameLate = new Set();

/** What moves on a page while it loads, without anybody pressing anything. */
async function shiftsOf(page, path) {
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (!hadRecentInput) window.shifts.push({ value, what: sources.map(({ node }) => `${node?.nodeName}.${node?.className}`) });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const late = (pattern, ms) => page.route(pattern, (route) => setTimeout(() => void route.continue().catch(() => undefined), ms));
  await late(/\.woff2$/, FONT_MS);
  await late(PARTS, SCRIPT_MS);
  page.on('requestfinished', (request) => {
    const [, part] = PARTS.exec(request.url()) ?? [];
    if (part) cameLate.add(part);
  });
  await late((url) => /^\/(elections|network|genesis)\b/.test(url.pathname), ANSWER_MS);
  await page.goto(path);
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(300); // for what comes without asking
  return page.evaluate(() => window.shifts);
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

  it('brings the curve only when it is to verify what the authorities have certified, where the browser signs by itself', async () => {
    const id = await openElection(app.url, admin, { title: 'Curve', candidates: ['Ada', 'Bob'] });
    const { context, page } = await openWindow(browser, app.url);
    const scripts = scriptsOf(page);
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${id}/vote`);
    await page.getByLabel('Ada', { exact: true }).check();
    assert.equal(scripts.has('strict'), false, 'not with the ballot');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('Your ballot is ready, and not cast yet').waitFor();
    assert.equal(scripts.has('strict'), true, 'the election is verified before anything is signed');
    await page.getByRole('button', { name: 'Cast my vote' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
    await page.waitForURL('**/receipt');
    await context.close();
  });

  it('brings the curve to sign with, where the browser cannot', async () => {
    const id = await openElection(app.url, admin, { title: 'Without', candidates: ['Ada', 'Bob'] });
    const { context, page } = await openWindow(browser, app.url);
    await page.addInitScript(() => {
      crypto.subtle.generateKey = () => Promise.reject(new DOMException('unknown', 'NotSupportedError'));
    });
    const scripts = scriptsOf(page);
    await signIn(page, PEOPLE.bob);
    await page.goto(`/app/elections/${id}/vote`);
    await page.getByLabel('Bob', { exact: true }).check();
    assert.equal(scripts.has('strict'), false, 'not with the ballot');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('Your ballot is ready, and not cast yet').waitFor();
    assert.equal(scripts.has('strict'), true);
    await page.getByRole('button', { name: 'Cast my vote' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
    await page.waitForURL('**/receipt');
    await page.getByText('This browser has verified the proof').waitFor();
    await context.close();
  });

  it('moves nothing that has been seen, also where fonts and answers come late', async (t) => {
    const [demo, open] = [await demoElection(app.url, 'Board election'), await demoElection(app.url, 'Evening for the weekly meeting')];
    const closed = await importElection(app.url, 'scottish-stv');
    const shed = await demoElection(app.url, 'Bicycle shed (sealed)');
    const elections = [demo, open, shed, closed].flatMap((id) => [`/app/elections/${id}`, `/app/elections/${id}/result`, `/app/elections/${id}/board`]);
    const paths = ['/app/elections', '/app/login', '/app/check', '/app/network', '/app/keyboard', '/app/nowhere', ...elections];
    let worst = 0;
    const check = async (page, path, who) => {
      const shifts = await shiftsOf(page, path);
      const sum = shifts.reduce((all, { value }) => all + value, 0);
      worst = Math.max(worst, sum);
      assert.ok(sum < CLS_MAX, `${path} (${who}) moves by ${sum.toFixed(3)}: ${JSON.stringify(shifts)}`);
    };
    for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
      for (const path of paths) {
        // A first visit: nothing is kept from another.
        const { context, page } = await openWindow(browser, app.url, { viewport });
        await check(page, path, `${viewport.width} px`);
        await context.close();
      }
      const { context, page } = await openWindow(browser, app.url, { viewport });
      await signIn(page, PEOPLE.alice);
      await check(await context.newPage(), '/app/elections', `alice, ${viewport.width} px`);
      await context.close();
    }
    assert.deepEqual([...cameLate].sort(), ['Part', 'VerifyEverything'], 'parts came late');
    t.diagnostic(`largest cumulative layout shift: ${worst.toFixed(4)}`);
  });
});
