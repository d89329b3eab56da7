import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { demoElection, openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';
import { MIXED, RANKED } from './samples.mjs';

let app, browser, admin, demo;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
  demo = await demoElection(app.url, 'Board election');
});
after(async () => {
  await browser?.close();
  app?.stop();
});

/** Notes every ballot that a page sends. */
function countPuts(page) {
  const puts = [];
  page.on('request', (request) => request.method() === 'PUT' && puts.push(request.postData()));
  return puts;
}

async function toReview(page, id, choice) {
  await page.goto(`/app/elections/${id}`);
  await page.getByRole('link', { name: 'Start voting' }).click();
  await page.getByLabel(choice, { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByText('Your ballot is ready, and not cast yet').waitFor();
}

const fresh = (title) => openElection(app.url, admin, { title, candidates: ['Ada', 'Bob'] });
const castButton = (page) => page.getByRole('button', { name: 'Cast my vote' });
const inDialog = (page, name) => page.getByRole('dialog').getByRole('button', { name });
const recorded = (page) => page.getByRole('heading', { level: 1, name: 'Your vote is recorded' }).waitFor();

describe('voting', () => {
  it('alice votes end to end, and the browser verifies her receipt', async () => {
    const { context, page, faults } = await openWindow(browser, app.url);
    const puts = countPuts(page);
    await page.addInitScript(() => {
      window.said = [];
      new MutationObserver(() => {
        const text = document.querySelector('.frame > [role=status]')?.textContent;
        if (text && window.said.at(-1) !== text) window.said.push(text);
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await signIn(page, PEOPLE.alice);
    await page.getByRole('link', { name: 'Vote in Board election' }).click();
    await page.getByRole('link', { name: 'Start voting' }).click();
    await page.getByLabel(/^Grace Hopper/).check();
    await page.getByRole('button', { name: 'Review' }).click();
    await castButton(page).click();
    const dialog = page.getByRole('dialog');
    const code = await dialog.locator('[data-code]').getAttribute('data-code');
    assert.match(code, /^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
    assert.equal(await dialog.getByText('Grace Hopper').count(), 0, 'the choice never stands next to the code');
    await inDialog(page, 'Cast my vote').click();
    await recorded(page);
    await page.getByText('This browser has verified the proof').waitFor();
    assert.equal(await page.locator('main [data-code]').getAttribute('data-code'), code);
    assert.equal(await page.locator('main').getByText('Grace').count(), 0);
    await page.waitForTimeout(2_500);
    assert.deepEqual(await page.evaluate(() => window.said), [
      'Your ballot is signed and on its way.',
      'The authorities agree.',
      'Your vote is recorded.',
    ]);
    assert.equal(puts.length, 1);
    const saved = page.waitForEvent('download');
    await page.getByRole('link', { name: 'A proof for other programs' }).click();
    const proof = readFileSync(await (await saved).path(), 'utf8');
    assert.match(proof, /^c2sp\.org\/tlog-proof@v1\nindex \d+\n/);

    await page.getByRole('link', { name: 'Check it on the public list' }).click();
    await page.getByRole('heading', { name: 'On the list' }).waitFor();
    await page.getByRole('link', { name: 'My results' }).first().click();
    await page.getByRole('link', { name: 'Result of Board election' }).click();
    await page.getByRole('cell', { name: '100%' }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('Esc, the backdrop and Go back send nothing; a double click sends one ballot', async () => {
    const id = await fresh('Going back');
    const { context, page } = await openWindow(browser, app.url);
    const puts = countPuts(page);
    await signIn(page, PEOPLE.bob);
    await toReview(page, id, 'Ada');
    const dialog = page.getByRole('dialog');
    for (const leave of [
      () => page.keyboard.press('Escape'),
      () => page.mouse.click(5, 5),
      () => inDialog(page, 'Go back').click(),
    ]) {
      await castButton(page).click();
      await dialog.waitFor();
      await leave();
      await dialog.waitFor({ state: 'hidden' });
      assert.equal(await castButton(page).evaluate((button) => button === document.activeElement), true, 'the focus returns');
    }
    assert.equal(puts.length, 0);
    await castButton(page).click();
    await inDialog(page, 'Cast my vote').dblclick();
    await recorded(page);
    assert.equal(puts.length, 1);
    await context.close();
  });

  it('signs nothing but what it shows: a gateway that exchanges two names gets no ballot', async () => {
    const id = await fresh('Exchanged');
    const { context, page } = await openWindow(browser, app.url);
    const puts = countPuts(page);
    await page.route(`**/elections/${id}`, async (route) => {
      const answer = await route.fetch();
      const election = await answer.json();
      election.contests[0].options.reverse();
      await route.fulfill({ response: answer, json: election });
    });
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${id}/vote`);
    await page.getByLabel('Ada', { exact: true }).check();
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('The election was changed.').waitFor();
    assert.equal(await castButton(page).getAttribute('aria-disabled'), 'true');
    assert.equal(puts.length, 0);
    await context.close();
  });

  it('works with the keyboard alone', async () => {
    const id = await fresh('By keyboard');
    const { context, page } = await openWindow(browser, app.url);
    await page.goto('/app/login');
    const tabTo = async (name) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.labels?.[0]?.innerText ?? document.activeElement?.innerText ?? '');
        if (at.startsWith(name)) return;
      }
      throw new Error(`no way by Tab to ${name}`);
    };
    await tabTo('E-mail');
    await page.keyboard.type(PEOPLE.carol.email);
    await tabTo('Password');
    await page.keyboard.type(PEOPLE.carol.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Elections' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1', 'the heading has the focus');
    await tabTo('Vote in By keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'By keyboard' }).waitFor();
    await tabTo('Start voting');
    await page.keyboard.press('Enter');
    await page.locator('.contest').waitFor();
    await tabTo('Ada');
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowDown');
    await tabTo('Review');
    await page.keyboard.press('Enter');
    await page.getByText('Your ballot is ready').waitFor();
    await tabTo('Cast my vote');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Enter');
    await recorded(page);
    assert.ok(id);
    await context.close();
  });

  it('ranks with buttons, keeps choices through a change of language, and refuses too many marks', async () => {
    const [ranked, mixed] = [await openElection(app.url, admin, RANKED), await openElection(app.url, admin, MIXED)];
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${ranked}/vote`);
    await page.getByRole('button', { name: /Rank as number 1: Ines/ }).click();
    await page.getByRole('button', { name: /Rank as number 2: Kwame/ }).click();
    await page.getByRole('button', { name: 'Move Kwame Boateng up' }).click();
    assert.deepEqual(await page.locator('.ranked .option-name').allTextContents(), ['Kwame Boateng', 'Ines Moreau']);
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('1. Kwame Boateng').waitFor();

    await page.goto(`/app/elections/${mixed}/vote`);
    await page.getByLabel('Yes').check();
    for (const name of ['Ada', 'Ben']) await page.getByLabel(name, { exact: true }).check();
    await page.getByLabel('Cleo').click();
    assert.equal(await page.getByLabel('Cleo').isChecked(), false);
    await page.getByText('You can mark at most 2').first().waitFor();
    await page.locator('.menu > summary').click();
    await page.getByText('Deutsch').click();
    await page.locator('html[lang=de]').waitFor();
    assert.equal(await page.getByLabel('Yes').isChecked(), true);
    assert.equal(await page.getByLabel('Ben', { exact: true }).isChecked(), true);
    await context.close();
  });
});

describe('lost connections', () => {
  it('offline before, during and after: unknown, then recorded, and one ballot', async () => {
    const id = await fresh('Lost answer');
    const { context, page } = await openWindow(browser, app.url);
    const puts = countPuts(page);
    await signIn(page, PEOPLE.alice);
    await toReview(page, id, 'Ada');
    // Before: the request does not leave.
    await context.setOffline(true);
    await page.getByText('You are offline.').waitFor();
    await castButton(page).click();
    await inDialog(page, 'Cast my vote').click();
    await page.getByText('We don’t know yet whether it was recorded').waitFor();
    // After: the gateway records it, and its answer is lost.
    await page.route('**/votes/*', async (route) => {
      await route.fetch().catch(() => undefined);
      // The page may have given up, or the test gone on.
      await route.abort().catch(() => undefined);
    });
    await context.setOffline(false);
    await page.waitForFunction(() => !document.querySelector('.outcome button[aria-disabled]'));
    await page.unroute('**/votes/*');
    // Reloading takes the ballot up again.
    await page.reload();
    await recorded(page);
    assert.ok(new Set(puts).size === 1, 'every time the same bytes');
    await context.close();
  });

  it('two windows with different choices: the second is refused', async () => {
    const id = await fresh('Two windows');
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.bob);
    const other = await context.newPage();
    await other.goto('/app/elections');
    await toReview(page, id, 'Ada');
    await toReview(other, id, 'Bob');
    for (const window of [page, other]) await castButton(window).click();
    await inDialog(page, 'Cast my vote').click();
    await recorded(page);
    await inDialog(other, 'Cast my vote').click();
    await other.getByText('This ballot was not recorded').waitFor();
    await other.getByText('You have voted already').waitFor();
    await context.close();
  });
});
