// Every page: accessible in every theme, narrow, without motion, and unmoved by hostile words.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { demoElection, openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';
import { HOSTILE, MIXED, RANKED, SHARED } from './samples.mjs';

let app, browser, admin, ids;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
  ids = {
    demo: await demoElection(app.url, 'Board election'),
    open: await demoElection(app.url, 'Evening for the weekly meeting'),
    mixed: await openElection(app.url, admin, MIXED),
    ranked: await openElection(app.url, admin, RANKED),
    closed: await openElection(app.url, admin, SHARED),
    hostile: await openElection(app.url, admin, HOSTILE),
  };
  await castOne(ids.closed, (page) => page.getByRole('button', { name: /Rank as number 1: Elijah/ }).click());
  await castOne(ids.demo, (page) => page.getByLabel(/^Grace Hopper/).check());
  await fetch(`${app.url}/elections/${ids.closed}/close`, { method: 'POST', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: '{}' });
});
after(async () => {
  await browser?.close();
  app?.stop();
});

let bob = null;

/** A page in Bob's browser, which stays the same: sign-ins are limited, and his keys are kept where he voted. */
async function bobsPage(theme = 'light') {
  if (!bob) {
    bob = await openWindow(browser, app.url);
    await signIn(bob.page, PEOPLE.bob);
  }
  const { page, faults } = bob;
  faults.length = 0;
  await page.evaluate((value) => localStorage.setItem('voting.theme', value), theme);
  return { page, faults };
}

async function castOne(id, choose) {
  const { page } = await bobsPage();
  await page.goto(`/app/elections/${id}/vote`);
  await choose(page);
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.waitForURL('**/receipt');
}

const PUBLIC = ['/app/login', '/app/check', '/app/keyboard', '/app/nowhere'];
const pagesOfBob = () => [
  '/app/elections',
  `/app/elections/${ids.demo}`,
  `/app/elections/${ids.mixed}`,
  `/app/elections/${ids.mixed}/vote`,
  `/app/elections/${ids.ranked}/vote`,
  `/app/elections/${ids.demo}/result`,
  `/app/elections/${ids.closed}/result`,
  `/app/elections/${ids.mixed}/result`,
  `/app/elections/${ids.demo}/board`,
  `/app/elections/${ids.demo}/receipt`,
  '/app/results',
];

async function settled(page) {
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await page.waitForTimeout(350);
}

describe('pages', () => {
  for (const theme of ['light', 'dark', 'contrast']) {
    it(`are accessible: ${theme}`, async () => {
      const { page, faults } = await bobsPage(theme);
      for (const path of pagesOfBob()) {
        await page.goto(path);
        await settled(page);
        await audit(page, `${path} (${theme})`);
      }
      await page.locator('.menu > summary').click();
      await audit(page, `menu (${theme})`);
      await page.goto(`/app/elections/${ids.ranked}/vote`);
      await page.getByRole('button', { name: /Rank as number 1: Ines/ }).click();
      await audit(page, `ranking (${theme})`);
      await page.getByRole('button', { name: 'Review' }).click();
      await page.getByText('Your ballot is ready').waitFor();
      await audit(page, `review (${theme})`);
      await page.getByRole('button', { name: 'Cast my vote' }).click();
      await page.getByRole('dialog').waitFor();
      await audit(page, `dialog (${theme})`);
      await page.goto(`/app/elections/${ids.demo}/receipt`);
      await page.getByRole('link', { name: 'Check it on the public list' }).click();
      await page.getByRole('heading', { name: 'On the list' }).waitFor();
      await audit(page, `checked (${theme})`);
      assert.deepEqual(faults, []);
    });

    it(`are accessible while a vote is under way: ${theme}`, async () => {
      const id = await openElection(app.url, admin, { title: `Under way (${theme})`, candidates: ['Ada', 'Bob'] });
      const { context, page, faults } = await openWindow(browser, app.url, { theme });
      await signIn(page, PEOPLE.carol);
      // The first is kept waiting. What the page sends by itself later, while it is looked at, fails at once.
      let sent = 0;
      let answer = () => undefined;
      await page.route('**/votes/*', async (route) => {
        sent += 1;
        if (sent === 1) await new Promise((resolve) => (answer = resolve));
        await route.abort();
      });
      await page.goto(`/app/elections/${id}/vote`);
      await page.getByLabel('Ada', { exact: true }).check();
      await page.getByRole('button', { name: 'Review' }).click();
      await page.getByText('Your ballot is ready').waitFor();
      await page.getByRole('button', { name: 'Cast my vote' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
      await page.getByText('Taking longer than usual').waitFor();
      await audit(page, `casting (${theme})`);
      answer();
      await page.getByText('We don’t know yet').waitFor();
      await audit(page, `unknown (${theme})`);
      await page.unroute('**/votes/*');
      // It may have checked again by itself just now.
      await Promise.any([page.getByRole('button', { name: 'Check again' }).click(), page.waitForURL('**/receipt')]);
      await page.waitForURL('**/receipt');
      assert.deepEqual(faults, []);
      await context.close();
    });

    it(`are accessible to everyone: ${theme}`, async () => {
      const { context, page, faults } = await openWindow(browser, app.url, { theme });
      for (const path of PUBLIC) {
        await page.goto(path);
        await settled(page);
        await audit(page, `${path} (${theme})`);
      }
      assert.deepEqual(faults, []);
      await context.close();
    });
  }

  it('fit 320 × 568 without scrolling sideways, and need no motion', async () => {
    const { page } = await bobsPage();
    await page.setViewportSize({ width: 320, height: 568 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const path of [...pagesOfBob(), ...PUBLIC.slice(1), `/app/elections/${ids.hostile}`, `/app/elections/${ids.hostile}/vote`]) {
      await page.goto(path);
      await settled(page);
      const { wide, who } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        who: [...document.querySelectorAll('.frame *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((one) => one.outerHTML.slice(0, 120)),
      }));
      assert.ok(wide <= 0, `${path} is ${wide} px too wide: ${who.join('\n')}`);
      const moving = await page.evaluate(() => document.getAnimations().filter((animation) => Number(animation.effect?.getComputedTiming().activeDuration) > 50).length);
      assert.equal(moving, 0, `${path} moves`);
    }
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.emulateMedia({ reducedMotion: null });
  });

  it('show hostile words as words', async () => {
    const { page, faults } = await bobsPage();
    let alerts = 0;
    page.on('dialog', (dialog) => (alerts++, dialog.dismiss()));
    for (const path of ['/app/elections', `/app/elections/${ids.hostile}`, `/app/elections/${ids.hostile}/vote`]) {
      await page.goto(path);
      await settled(page);
      assert.ok((await page.locator('main').innerText()).includes('<img src=x onerror=alert(1)>'), path);
    }
    await page.goto('/app/login?back=https://example.com/');
    await page.waitForURL((url) => url.pathname === '/app/elections');
    await page.goto('/app/check?ballot=<script>alert(1)</script>');
    await settled(page);
    assert.equal(alerts, 0);
    assert.deepEqual(faults, []);
  });

  it('send whoever may not see a page to where they may', async () => {
    const { context, page } = await openWindow(browser, app.url);
    for (const path of [`/app/elections/${ids.mixed}/vote`, '/app/results']) {
      await page.goto(path);
      await page.waitForURL((url) => url.pathname === '/app/login' && url.searchParams.get('back') === path);
    }
    await page.goto(`/app/elections/${ids.demo}/result`);
    await page.getByText('You see the result once you have voted').waitFor();
    await context.close();
  });

  it('ask to sign in again over the page, which keeps its step', async () => {
    const { page } = await bobsPage();
    await page.goto(`/app/elections/${ids.mixed}/vote`);
    await page.getByLabel('Yes').check();
    await page.route('**/elections/*/key', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"code":"session_ended","status":401,"title":"","detail":"","type":""}' }),
    );
    await page.route('**/auth/refresh', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"code":"refresh_reused","status":401,"title":"","detail":"","type":""}' }),
    );
    await page.getByRole('button', { name: 'Review' }).click();
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.waitForTimeout(200);
    assert.equal(await dialog.isVisible(), true, 'there is no leaving without a decision');
    await page.unroute('**/elections/*/key');
    await dialog.getByLabel('Password').fill(PEOPLE.bob.password);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('.review-line', { hasText: 'Yes' }).waitFor();
  });
});
