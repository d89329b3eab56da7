// Ballots of scores and lists from the page to the certified count, and what verifies them offline.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { call, openElection, openWindow, PEOPLE, runVoting, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

const VOTERS = ['alice', 'bob', 'carol'];
let app, browser, admin;
const windows = {};
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
  for (const name of VOTERS) {
    windows[name] = await openWindow(browser, app.url);
    windows[name].page.setDefaultTimeout(15_000);
    await signIn(windows[name].page, PEOPLE[name]);
  }
});
after(async () => {
  await browser?.close();
  app?.stop();
});

/** Votes by the pages themselves; `mark` fills the ballot in. Returns the words of the review. */
async function vote(name, id, mark) {
  const { page } = windows[name];
  await page.goto(`/app/elections/${id}/vote`);
  await mark(page);
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByText('Your ballot is ready, and not cast yet').waitFor();
  const review = await page.locator('main').textContent();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.waitForURL('**/receipt');
  await page.getByText('This browser has verified the proof').waitFor();
  return review;
}

async function closed(id) {
  const answer = await fetch(`${app.url}/elections/${id}/close`, { method: 'POST', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: '{"publish": true}' });
  assert.ok(answer.ok, await answer.text());
  for (let tries = 0; tries < 100; tries++) {
    const result = await call(app.url, 'GET', `/elections/${id}/results`).catch(() => null);
    if (result?.final) return result;
    await new Promise((resolve) => setTimeout(resolve, 100)); // until the authorities have certified it
  }
  throw new Error('never certified');
}

const options = (...names) => names.map((name) => ({ name }));
const figures = (contest, what) => Object.fromEntries(contest.options.map((option) => [option.name, option[what]]));

describe('ballots', () => {
  it('of scores, pressed and typed, are counted as they were given', async () => {
    const contests = [
      { title: 'Venues', method: 'score', max_score: 5, options: options('Hall', 'School', 'Café') },
      { title: 'Budget', method: 'score', max_score: 100, options: options('Choir', 'Band') },
    ];
    const id = await openElection(app.url, admin, { title: 'Scores', contests });
    const given = {
      alice: { Hall: 5, School: 0, Café: 3, Choir: 70, Band: 100 },
      bob: { Hall: 2, Café: 4, Choir: 15 },
      carol: { School: 1, Band: 7 },
    };
    for (const name of VOTERS) {
      const review = await vote(name, id, async (page) => {
        for (const [option, score] of Object.entries(given[name])) {
          if (['Choir', 'Band'].includes(option)) await page.getByLabel(option).fill(String(score));
          else await page.getByRole('group', { name: option, exact: true }).getByRole('radio', { name: String(score), exact: true }).check({ force: true });
        }
      });
      for (const [option, score] of Object.entries(given[name])) assert.ok(review.includes(option) && review.includes(`${score} of`), `${name}: ${option} ${score} in ${review}`);
    }
    const { contests: counted, total_votes: votes } = await closed(id);
    assert.equal(votes, 3);
    assert.deepEqual(figures(counted[0], 'votes'), { Hall: 7, School: 1, Café: 7 });
    assert.deepEqual(figures(counted[1], 'votes'), { Choir: 85, Band: 107 });
    assert.deepEqual(figures(counted[1], 'elected'), { Choir: false, Band: true });
    const { page, faults } = windows.alice;
    await page.goto(`/app/elections/${id}/result`);
    await page.getByRole('row', { name: /Band 107 Elected/ }).waitFor();
    await page.getByText(/Hall and Café were level, and not all of them could be elected/).waitFor();
    assert.deepEqual(faults, []);
  });

  it('for lists are counted, and give seats', async () => {
    for (const method of ['dhondt', 'sainte-lague']) {
      const contests = [{ title: 'Council', method, seats: 3, options: options('Greens', 'Reds', 'Blues') }];
      const id = await openElection(app.url, admin, { title: `Lists (${method})`, contests });
      const given = { alice: 'Greens', bob: 'Blues', carol: 'Greens' };
      for (const name of VOTERS) {
        const review = await vote(name, id, (page) => page.getByLabel(given[name], { exact: true }).check());
        assert.ok(review.includes(given[name]));
      }
      const { contests: counted } = await closed(id);
      assert.deepEqual(figures(counted[0], 'votes'), { Greens: 2, Blues: 1, Reds: 0 });
      assert.deepEqual(figures(counted[0], 'seats'), { Greens: 2, Blues: 1, Reds: 0 });
      const { page } = windows.bob;
      await page.goto(`/app/elections/${id}/result`);
      await page.getByRole('row', { name: /Greens 2 .* 2 seats/ }).waitFor();
      await page.getByRole('row', { name: /Blues 1 .* 1 seat/ }).waitFor();
    }
  });

  it('can be verified offline by who has voted, before the result is everyone’s', async () => {
    const id = await openElection(app.url, admin, { title: 'Bundle', candidates: ['Ada', 'Bob'] });
    const { page } = windows.alice;
    const button = page.getByRole('button', { name: 'Download bundle' });
    await page.goto(`/app/elections/${id}/board`);
    await page.getByText('No ballot is recorded yet').waitFor();
    assert.equal(await button.count(), 0, 'nothing for who has not voted');
    await vote('alice', id, (own) => own.getByLabel('Ada', { exact: true }).check());
    await page.goto(`/app/elections/${id}/board`);
    await audit(page, 'the list with a bundle');
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    assert.equal(download.suggestedFilename(), `election-${id}.bundle`);
    const file = await download.path();
    assert.ok((await readFile(file)).length > 500);
    await runVoting(app.url, ['verify', file]);
    // What goes wrong is said.
    await page.route('**/bundle', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ code: 'results_hidden', title: 'Forbidden', detail: 'x' }) }));
    await button.click();
    await page.getByRole('alert').getByText('You see the result once you have voted.').waitFor();
    await page.unroute('**/bundle');
    await page.route('**/bundle', (route) => route.abort());
    await button.click();
    await page.getByRole('alert').getByText('The gateway cannot be reached.').waitFor();
    await page.unroute('**/bundle');
    // Once it is published, it is a link for everyone.
    await closed(id);
    await page.goto(`/app/elections/${id}/board`);
    await page.getByRole('link', { name: 'Export to verify offline' }).waitFor();
    assert.equal(await button.count(), 0);
  });
});
