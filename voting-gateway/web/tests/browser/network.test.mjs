import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { startDeployment } from './deployment.mjs';
import { applicationAt, openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

let app, browser;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  app?.stop();
});

async function openNetwork(url, options) {
  const window = await openWindow(browser, url, options);
  await window.page.goto('/app/network');
  await window.page.getByText(/^Live · figures from/).waitFor();
  return window;
}

const verdict = (page, words) => page.locator('.verdict', { hasText: words }).waitFor({ timeout: 20_000 });
const health = (page, index, ...healths) =>
  page.locator(healths.map((one) => `tr[data-authority=authority-${index}][data-health=${one}]`).join()).waitFor({ timeout: 20_000 });

/** Votes in the pages. */
async function vote(url, person, id) {
  const { context, page } = await openWindow(browser, url);
  await signIn(page, person);
  await page.goto(`/app/elections/${id}/vote`);
  await page.getByLabel('Ada', { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.waitForURL('**/receipt');
  await context.close();
}

describe('the network page', () => {
  it('shows that all answer, and the block that a vote makes', async () => {
    const id = await openElection(app.url, await tokenOf(app.url, PEOPLE.admin), { title: 'Seen on the network', candidates: ['Ada', 'Bob'] });
    const { context, page, faults } = await openNetwork(app.url);
    await verdict(page, 'All 4 authorities agree. 1 may fail.');
    for (const index of [0, 1, 2, 3]) await health(page, index, 'alive');
    assert.equal(await page.getByText('leads', { exact: false }).filter({ visible: true }).count() > 0, true);
    assert.equal(await page.getByRole('heading', { name: 'Redis' }).count(), 0);
    const block = page.locator('[data-height]');
    const height = Number(await block.getAttribute('data-height'));
    await vote(app.url, PEOPLE.bob, id);
    await page.waitForFunction((known) => Number(document.querySelector('[data-height]').dataset.height) > known, height);
    await page.getByRole('log').getByText(/is final: .*, 1 ballot\./).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('holds the log while it is paused, and goes on', async () => {
    const { context, page } = await openNetwork(app.url);
    await page.getByRole('button', { name: 'Pause' }).click();
    await openElection(app.url, await tokenOf(app.url, PEOPLE.admin), { title: 'In the meantime', candidates: ['Ada', 'Bob'] });
    await page.getByText(/^Paused\. \d+ newer events?\.$/).waitFor();
    await page.getByText('Nothing has happened since this page was opened.').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('log').getByText(/is final/).first().waitFor();
    await context.close();
  });

  it('says of when its figures are once the live connection is gone, and asks', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await page.routeWebSocket('**/ws', (socket) => socket.close());
    await page.clock.install();
    await page.goto('/app/network');
    await verdict(page, 'All 4 authorities agree.');
    await page.clock.fastForward(5_000);
    await page.getByText(/^Reconnecting … figures from \d/).waitFor();
    const asked = page.waitForResponse('**/network/status');
    await page.clock.fastForward(40_000);
    assert.equal((await asked).ok(), true);
    await context.close();
  });

  it('names who contradicted itself, with the proof, and whose clock follows nobody', async () => {
    const { context, page, faults } = await openWindow(browser, app.url);
    const accused = { name: 'authority-2', epoch: 0, view: 17, height: 42, entry: 'ab'.repeat(32) };
    const clockOf = (one) => (one.name === 'authority-1' ? { ...one, clock_ahead_ms: 60_000, clock: { ...one.clock, state: 'holdover' } } : one);
    const told = (status) => ({ ...status, accused: [accused], authorities: status.authorities.map(clockOf) });
    await page.routeWebSocket('**/ws', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => server.send(message));
      server.onMessage((message) => {
        const frame = JSON.parse(message);
        const isStatus = frame.ch === 'network' && Array.isArray(frame.data?.accused);
        socket.send(isStatus ? JSON.stringify({ ...frame, data: told(frame.data) }) : message);
      });
    });
    await page.route('**/network/status', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: told(await response.json()) });
    });
    await page.goto('/app/network');
    await page.getByText('An authority has contradicted itself').waitFor();
    await page.getByText('authority-2, in view 17: the proof is in block 42.').waitFor();
    const row = (index) => page.locator(`tr[data-authority=authority-${index}]`);
    await row(1).getByText('+60,000 ms, follows nobody').waitFor();
    assert.equal(await row(0).getByText('follows nobody').count(), 0);
    await audit(page, 'accused');
    assert.deepEqual(faults, []);
    await context.close();
  });

  for (const theme of ['light', 'dark', 'contrast']) {
    it(`is accessible: ${theme}`, async () => {
      const { context, page, faults } = await openNetwork(app.url, { theme });
      await audit(page, theme, 'best-practice');
      await page.setViewportSize({ width: 390, height: 844 });
      await audit(page, `${theme}, cards`, 'best-practice');
      assert.deepEqual(faults, []);
      await context.close();
    });
  }

  for (const locale of ['en-GB', 'de-DE']) {
    it(`fits 320 × 568 without scrolling sideways, and needs no motion: ${locale}`, async () => {
      const { context, page } = await openWindow(browser, app.url, { locale, viewport: { width: 320, height: 568 }, reducedMotion: 'reduce' });
      await page.goto('/app/network');
      await page.locator('tr[data-authority]').first().waitFor();
      for (const width of [320, 700, 1000, 1130, 1280]) {
        await page.setViewportSize({ width, height: 568 });
        // What the page itself is answerable for: all of main, without what is clipped for the eye.
        const wide = await page.evaluate(() => document.querySelector('main').scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${wide} px too wide at ${width}`);
      }
      const moving = await page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect?.getComputedTiming().activeDuration) > 50).length);
      assert.equal(moving, 0);
      await context.close();
    });
  }
});

describe('the network page of a network that loses authorities', () => {
  let network, front;
  before(async () => {
    network = await startDeployment();
    front = await applicationAt(network.urls[0]);
  });
  after(async () => {
    front?.stop();
    await network?.stop();
  });

  it('says who is gone, and when nothing can be recorded any more', async () => {
    const { context, page, faults } = await openNetwork(front.url);
    await verdict(page, 'All 4 authorities agree. 1 may fail.');
    await page.getByRole('heading', { name: 'Redis' }).waitFor();
    const place = () => page.getByRole('heading', { name: 'Newest block' }).boundingBox();
    const where = await place();
    await network.killAuthority('authority-3');
    await health(page, 3, 'suspect', 'down');
    await verdict(page, '3 of 4 authorities answer. Votes are recorded.');
    await health(page, 3, 'down');
    await page.getByRole('log').getByText('authority-3: Suspect → Down').waitFor();
    assert.equal((await place()).y, where.y, 'nothing moves');
    for (const theme of ['light', 'dark', 'contrast']) {
      await page.evaluate((value) => (document.documentElement.dataset.theme = value), theme);
      await page.waitForTimeout(400); // colours change over a moment
      await audit(page, `one down, ${theme}`, 'best-practice');
    }
    await network.killAuthority('authority-2');
    await verdict(page, 'Only 2 of 4 authorities answer: nothing can be recorded until 3 do.');
    await page.locator('.frame > [role=status]', { hasText: 'nothing can be recorded' }).waitFor();
    await audit(page, 'no quorum', 'best-practice');
    assert.deepEqual(faults, []);
    await context.close();
  });
});
