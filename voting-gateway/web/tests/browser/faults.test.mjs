import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDeployment } from './deployment.mjs';
import { call, openElection, openWindow, PEOPLE, signIn, startBrowser, tokenOf } from './harness.mjs';

let network, browser, admin, url;
before(async () => {
  [network, browser] = await Promise.all([startDeployment(), startBrowser()]);
  [, url] = network.urls;
  admin = await tokenOf(url, PEOPLE.admin);
});
after(async () => {
  await browser?.close();
  await network?.stop();
});

const fresh = (title) => openElection(url, admin, { title, candidates: ['Ada', 'Bob'] });
const asAdmin = (path) => fetch(url + path, { method: 'POST', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: '{}' });

async function toReview(page, id, choice) {
  await page.goto(`/app/elections/${id}/vote`);
  await page.getByLabel(choice, { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByText('Your ballot is ready, and not cast yet').waitFor();
}

async function cast(page) {
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
}

const recorded = (page) => page.getByRole('heading', { level: 1, name: 'Your vote is recorded' }).waitFor();

describe('faults while voting', () => {
  it('the election closes during review: the ballot is refused, with the reason', async () => {
    const id = await fresh('Closing');
    const { context, page, faults } = await openWindow(browser, url);
    await signIn(page, PEOPLE.alice);
    await toReview(page, id, 'Ada');
    assert.ok((await asAdmin(`/elections/${id}/close`)).ok);
    await cast(page);
    await page.getByText('This ballot was not recorded').waitFor();
    assert.equal((await call(url, 'GET', `/elections/${id}`)).voted, 0);
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('the session ends on another device: the step stays, and voting goes on after signing in', async () => {
    const id = await fresh('Signed out elsewhere');
    const { context, page } = await openWindow(browser, url);
    await signIn(page, PEOPLE.bob);
    await page.goto(`/app/elections/${id}/vote`);
    await page.getByLabel('Bob', { exact: true }).check();
    const elsewhere = await tokenOf(url, PEOPLE.bob);
    const answer = await fetch(`${url}/auth/logout-everywhere`, { method: 'POST', headers: { authorization: `Bearer ${elsewhere}` } });
    assert.equal(answer.status, 204);
    await page.getByRole('button', { name: 'Review' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Password').fill(PEOPLE.bob.password);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.waitFor({ state: 'hidden' });
    // The ballot is made without another press, of the choice that was kept.
    await page.getByText('Your ballot is ready, and not cast yet').waitFor();
    await page.locator('.review-line', { hasText: 'Bob' }).waitFor();
    await cast(page);
    await recorded(page);
    await context.close();
  });

  it('the leader is killed while a ballot is on its way: it is recorded all the same', async () => {
    const id = await fresh('Without a leader');
    const { context, page, faults } = await openWindow(browser, url);
    await signIn(page, PEOPLE.carol);
    await toReview(page, id, 'Bob');
    let killed = null;
    await page.route('**/votes/*', async (route) => {
      if (!killed) {
        killed = (await call(url, 'GET', '/network/status')).leader;
        await network.killAuthority(killed);
      }
      await route.continue();
    });
    await cast(page);
    await recorded(page);
    assert.ok(killed, 'a leader was killed');
    await page.getByText('This browser has verified the proof').waitFor();
    const status = await call(url, 'GET', '/network/status');
    assert.ok(!status.block.signers.includes(killed), 'the dead sign nothing');
    assert.deepEqual(faults, []);
    await context.close();
  });
});
