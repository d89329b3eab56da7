// What arrives without asking, and what other tabs and devices do to a page.
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

async function vote(page, id, choice) {
  await page.goto(`/app/elections/${id}/vote`);
  await page.getByLabel(choice, { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.waitForURL('**/receipt');
}

describe('live', () => {
  it('bob’s vote moves alice’s result and everyone’s list; carol sees no figures before she votes', async () => {
    const id = await openElection(app.url, admin, { title: 'Moving', candidates: ['Ada', 'Bob'] });
    const [alice, bob, carol] = [await openWindow(browser, app.url), await openWindow(browser, app.url), await openWindow(browser, app.url)];
    const frames = [];
    carol.page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
    await signIn(alice.page, PEOPLE.alice);
    await signIn(bob.page, PEOPLE.bob);
    await signIn(carol.page, PEOPLE.carol);
    await vote(alice.page, id, 'Ada');
    await alice.page.goto(`/app/elections/${id}/result`);
    await alice.page.getByText('1 of 3 have voted').waitFor();
    await carol.page.goto(`/app/elections/${id}/result`);
    await carol.page.getByText('You see the result once you have voted').waitFor();
    const list = await carol.context.newPage();
    await list.goto('/app/elections');
    const item = list.getByRole('listitem').filter({ hasText: 'Moving' });
    await item.getByText('1 of 3 have voted').waitFor();

    await vote(bob.page, id, 'Bob');
    await alice.page.getByText('2 of 3 have voted').waitFor({ timeout: 5_000 });
    await alice.page.getByRole('row', { name: /Bob 1 50/ }).waitFor();
    await item.getByText('2 of 3 have voted').waitFor({ timeout: 5_000 });
    assert.ok(frames.length > 0, 'carol is connected');
    assert.ok(!frames.some((frame) => /"tally"|"contests"/.test(frame)), 'no figure reaches her');

    await fetch(`${app.url}/elections/${id}/close`, { method: 'POST', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: '{}' });
    await alice.page.getByText('Final and verified').waitFor({ timeout: 10_000 });
    await item.getByText('Final result').waitFor({ timeout: 5_000 });
    for (const window of [alice, bob, carol]) await window.context.close();
  });

  it('checks a ballot by its code', async () => {
    const id = await openElection(app.url, admin, { title: 'By code', candidates: ['Ada', 'Bob'] });
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.carol);
    await vote(page, id, 'Ada');
    const code = await page.locator('main [data-code]').getAttribute('data-code');
    await page.goto('/app/check');
    await page.getByLabel('Ballot code').fill(code.toLowerCase().replaceAll('-', ' '));
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByRole('heading', { name: 'On the list' }).waitFor();
    await page.getByLabel('Ballot code').fill('nonsense');
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByText('This is not a ballot code').waitFor();
    await page.goto(`/app/elections/${id}/board`);
    await page.getByRole('link', { name: code }).waitFor();
    await context.close();
  });

  it('three tabs refresh at once and stay signed in; signing out in one signs out all', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.alice);
    const others = [await context.newPage(), await context.newPage()];
    await Promise.all(others.map((tab) => tab.goto('/app/elections')));
    await Promise.all([page, ...others].map((tab) => tab.reload()));
    for (const tab of [page, ...others]) await tab.getByRole('heading', { name: 'Elections', level: 1 }).waitFor();
    for (const tab of [page, ...others]) await tab.getByText('Alice Adams').first().waitFor();
    await page.locator('.menu > summary').click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    for (const tab of others) await tab.getByText('Sign in to vote').waitFor();
    await context.close();
  });
});
