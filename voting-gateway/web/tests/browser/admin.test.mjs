// The administration: setting an election up, running it, and who may.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { call, openElection, openWindow, PEOPLE, runVoting, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

let app, browser, token, office;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  token = await tokenOf(app.url, PEOPLE.admin);
  // One window for all: sign-ins are limited.
  office = await openWindow(browser, app.url);
  office.page.setDefaultTimeout(15_000);
  await signIn(office.page, PEOPLE.admin, '/app/admin');
});
after(async () => {
  await browser?.close();
  app?.stop();
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const inDialog = (page, name) => page.getByRole('dialog').getByRole('button', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const step = (page, name) => page.getByRole('navigation', { name: 'Steps of setting up' }).getByRole('button', { name }).click();
const csv = (text) => ({ name: 'voters.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });

async function api(method, path, body, type = 'application/json') {
  const headers = { 'content-type': type, authorization: `Bearer ${token}` };
  const answer = await fetch(app.url + path, { method, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const value = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}

const DAY = 86_400_000;
const times = () => ({ start_date: new Date(Date.now() + DAY).toISOString(), end_date: new Date(Date.now() + 9 * DAY).toISOString() });
const draft = async (title, more = {}) => (await api('POST', '/elections', { title, secrecy: 'open', candidates: ['Ada', 'Bob'], ...times(), ...more })).id;

async function settled(page) {
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await page.waitForTimeout(250);
}

describe('setting up', () => {
  it('goes from nothing to an open election that alice can vote in', async () => {
    const { page, faults } = office;
    await page.goto('/app/admin');
    await page.getByRole('link', { name: 'New election' }).click();
    await heading(page, 'Basics');
    await page.getByLabel('Title').fill('Spring assembly');
    await button(page, 'Go on').click();
    await heading(page, 'Questions');
    await page.getByText('In this browser only').waitFor();
    await page.getByLabel('The question').fill('Who chairs?');
    await page.getByLabel('Option 1', { exact: true }).fill('Ada');
    await page.keyboard.press('Enter');
    await page.keyboard.type('Grace');
    await button(page, 'Move option 2 up').click();
    await button(page, 'Remove option 3').click();
    await button(page, 'Add a question').click();
    await page.getByLabel('The question').nth(1).fill('Which of these?');
    await page.getByLabel('How it is counted').nth(1).selectOption('score');
    await page.getByText('gives each option points').waitFor();
    const second = page.getByRole('region', { name: 'Question 2' });
    for (const [number, name] of [[1, 'Tea'], [2, 'Coffee']]) await second.getByLabel(`Option ${number}`, { exact: true }).fill(name);
    await second.getByLabel('Highest score').fill('3');
    await second.getByText('Score each option from 0 to 3').waitFor();
    await button(page, 'Save and go on').click();
    await heading(page, 'Dates');
    await page.waitForURL(/\/app\/admin\/[0-9a-f]+\/edit\?step=dates/);
    const id = new URL(page.url()).pathname.split('/')[3];
    await page.getByLabel('Time zone').selectOption('America/New_York');
    await page.getByLabel('Voting opens').fill('2030-01-02T08:00');
    await page.getByText('In UTC: Wed, 2 Jan 2030, 13:00').waitFor();
    await page.getByLabel('Voting closes').fill('2030-01-05T08:00');
    await page.getByText('Open for 3 days.').waitFor();
    await page.getByLabel(/^An administrator/).check();
    await button(page, 'Save and go on').click();
    await heading(page, 'Voters');

    await page.getByLabel('Or open a CSV file').setInputFiles(csv('\uFEFFemail,name\r\nalice@example.com,Alice\r\nALICE@example.com,Alice\r\n'));
    await page.getByText('1 line is not acceptable').waitFor();
    await page.getByText('this address stands in line 2 already.').first().waitFor();
    await button(page, 'Add 2 voters').click();
    await page.getByRole('alert').getByText('appears twice').waitFor();
    assert.equal((await api('GET', `/elections/${id}/voters`)).total, 0, 'all or nothing');
    await page.getByLabel('A list of voters').fill('email,name\nalice@example.com,Alice\nbob@example.com,Bob');
    await button(page, 'Add 2 voters').click();
    await page.getByText('Voters 1 to 2 of 2').waitFor();
    await step(page, 'Rules');
    await page.getByText('under a pseudonym').waitFor();
    await page.getByLabel(/^Open/).check();
    await page.getByLabel(/^The last ballot counts/).check();
    await button(page, 'Save and go on').click();
    await page.getByText('Everything is there').waitFor();
    await button(page, 'Publish the election').click();
    await inDialog(page, 'Publish the election').click();
    await heading(page, 'Spring assembly');
    await page.locator('.timeline [aria-current=step]', { hasText: 'Scheduled' }).waitFor();
    await button(page, 'Open voting').click();
    await inDialog(page, 'Open voting').click();
    await page.locator('.timeline [aria-current=step]', { hasText: 'Open' }).waitFor();

    const election = await api('GET', `/elections/${id}`);
    assert.equal(election.start_date.slice(0, 16), '2030-01-02T13:00');
    assert.equal(election.revote, 'last-counts');
    assert.deepEqual(election.contests.map(({ options }) => options.map(({ name }) => name)), [['Grace', 'Ada'], ['Tea', 'Coffee']]);
    assert.equal(election.contests[1].max_score, 3);

    const alice = await openWindow(browser, app.url);
    await signIn(alice.page, PEOPLE.alice);
    await alice.page.getByRole('link', { name: 'Vote in Spring assembly' }).click();
    await alice.page.getByRole('link', { name: 'Start voting' }).click();
    await alice.page.getByLabel('Grace').check();
    await alice.page.getByRole('button', { name: 'Review' }).click();
    await alice.page.getByRole('button', { name: 'Cast my vote' }).click();
    await inDialog(alice.page, 'Cast my vote').click();
    await alice.page.waitForURL('**/receipt');
    await page.getByText('1 of 2 have voted').waitFor();
    await page.getByRole('cell', { name: 'Yes' }).waitFor();
    await alice.page.goto(`/app/admin/${id}`);
    await heading(alice.page, 'This page is for others');
    await alice.page.goto('/app/admin');
    await heading(alice.page, 'This page is for others');
    assert.equal(await alice.page.getByRole('link', { name: 'Administration' }).count(), 0);
    await alice.context.close();

    await button(page, 'Close voting').click();
    await page.getByLabel('Publish the result at once').uncheck();
    await inDialog(page, 'Close voting').click();
    await page.locator('.timeline [aria-current=step]', { hasText: 'Counted' }).waitFor();
    await button(page, 'Publish the result').click();
    await inDialog(page, 'Publish the result').click();
    await page.locator('.timeline [aria-current=step]', { hasText: 'Final result' }).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download the bundle').click()]);
    assert.match(download.suggestedFilename(), /^election-[0-9a-f]{32}\.bundle$/);
    assert.deepEqual(faults, []);
  });

  it('refuses formulas by their line, and takes ten thousand voters', async () => {
    const id = await draft('Ten thousand');
    const { page } = office;
    await page.goto(`/app/admin/${id}/edit?step=voters`);
    await page.getByLabel('A list of voters').fill('email,name\nalice@example.com,"=HYPERLINK(""http://x"")"');
    await page.getByText('a spreadsheet would run as a formula').first().waitFor();
    await button(page, 'Add 1 voter').click();
    await page.getByRole('alert').getByText('Line 2:').waitFor();
    await page.getByRole('alert').getByText('formula').waitFor();
    await page.getByLabel('A list of voters').fill('alice@example.com;Alice');
    await button(page, 'Add the header').click();
    assert.equal(await page.getByLabel('A list of voters').inputValue(), 'email,name\nalice@example.com,Alice');

    const rows = Array.from({ length: 10_000 }, (_, place) => `voter${place}@example.com,Voter ${place}`);
    await page.getByLabel('Or open a CSV file').setInputFiles(csv(`email,name\n${rows.join('\n')}\n`));
    const begin = Date.now();
    await page.getByText('Lines 1 to 25 of 10,000').waitFor();
    await button(page, 'Next page').first().click();
    await page.getByText('Lines 26 to 50 of 10,000').waitFor();
    assert.ok(Date.now() - begin < 3_000, 'the page stays quick');
    await button(page, 'Add 10,000 voters').click();
    await page.getByText('Voters 1 to 50 of 10,000').waitFor({ timeout: 60_000 });
    await button(page, 'Next page').click();
    await page.getByText('Voters 51 to 100 of 10,000').waitFor();
    await button(page, 'Previous page').click();
    await page.getByText('Voters 1 to 50 of 10,000').waitFor();
  });

  it('says what is missing and leads there; warns before changes are lost', async () => {
    const { page } = office;
    const id = await draft('Half done');
    await page.goto(`/app/admin/${id}/edit?step=check`);
    await button(page, 'Fix it in Voters: Nobody is on the roll.').click();
    await heading(page, 'Voters');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1', 'the heading has the focus');
    await step(page, 'Basics');
    await page.getByLabel('Title').fill('');
    await page.getByText('The title is missing.').first().waitFor();
    await page.getByText('Changes not saved yet').waitFor();
    await page.getByRole('link', { name: 'Elections', exact: true }).click();
    await inDialog(page, 'Stay here').click();
    assert.equal(await page.getByLabel('Title').inputValue(), '');
    await step(page, 'Checklist');
    assert.equal(await button(page, 'Publish the election').getAttribute('aria-disabled'), 'true');
    await button(page, 'Fix it in Basics: The title is missing.').click();
    await page.getByLabel('Title').fill('Half done again');
    await button(page, 'Save and go on').click();
    await heading(page, 'Questions');
    await page.getByText('Draft saved').waitFor();
    assert.equal((await api('GET', `/elections/${id}`)).title, 'Half done again');
    await page.getByLabel('The question').fill('Changed');
    await page.getByRole('link', { name: 'Elections', exact: true }).click();
    await inDialog(page, 'Leave without saving').click();
    await heading(page, 'Elections');
    assert.equal((await api('GET', `/elections/${id}`)).contests[0].title, 'Half done');
  });

  it('shows what the gateway refuses', async () => {
    const { page } = office;
    const id = await draft('Refused');
    await page.goto(`/app/admin/${id}/edit?step=basics`);
    await page.getByLabel('Title').fill('Refused here');
    await page.route(`**/elections/${id}`, (route) =>
      route.request().method() === 'PUT'
        ? route.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"code":"invalid_definition","status":422,"title":"","detail":"contests[0] is odd","type":""}' })
        : route.continue(),
    );
    await button(page, 'Save and go on').click();
    await page.getByRole('alert').getByText('contests[0] is odd').waitFor();
    await heading(page, 'Basics');
    await page.unroute(`**/elections/${id}`);
    await button(page, 'Save and go on').click();
    await heading(page, 'Questions');
  });

  it('works with the keyboard alone', async () => {
    const { page } = office;
    const tabTo = async (name) => {
      for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.labels?.[0]?.innerText ?? document.activeElement?.innerText ?? '');
        if (at.startsWith(name)) return;
      }
      throw new Error(`no way by Tab to ${name}`);
    };
    const focus = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    await page.goto('/app/admin/new');
    await heading(page, 'Basics');
    await tabTo('Title');
    await page.keyboard.type('By keyboard');
    await tabTo('Go on');
    await page.keyboard.press('Enter');
    await heading(page, 'Questions');
    await tabTo('The question');
    await page.keyboard.type('Which?');
    await tabTo('Option 1');
    await page.keyboard.type('One');
    await page.keyboard.press('Enter');
    assert.equal(await focus(), 'Option 2');
    await page.keyboard.type('Two');
    await tabTo('Move option 2 up');
    await page.keyboard.press('Enter');
    assert.equal(await focus(), 'Move option 1 up', 'the focus moves with the option');
    assert.equal(await page.getByLabel('Option 1', { exact: true }).inputValue(), 'Two');
    await tabTo('Remove option 3');
    await page.keyboard.press('Enter');
    assert.equal(await focus(), 'Option 2', 'the focus goes to a neighbour');
    await tabTo('Save and go on');
    await page.keyboard.press('Enter');
    await heading(page, 'Dates');
    await tabTo('Save and go on');
    await page.keyboard.press('Enter');
    await heading(page, 'Voters');
    await tabTo('A list of voters');
    await page.keyboard.type('email\nalice@example.com');
    await tabTo('Add 1 voter');
    await page.keyboard.press('Enter');
    await page.getByText('Voters 1 to 1 of 1').waitFor();
    await tabTo('Save and go on');
    await page.keyboard.press('Enter');
    await heading(page, 'Rules');
    await tabTo('Sealed');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.getByLabel(/^Open/).isChecked(), true);
    await tabTo('Save and go on');
    await page.keyboard.press('Enter');
    await tabTo('Publish the election');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate(() => document.activeElement?.innerText), 'Publish the election', 'the focus returns');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo('Publish the election');
    await page.keyboard.press('Enter');
    await heading(page, 'By keyboard');
  });
});

describe('running', () => {
  it('cancels with a reason that everyone reads', async () => {
    const { page } = office;
    const id = await openElection(app.url, token, { title: 'To be cancelled', candidates: ['Ada', 'Bob'] });
    await page.goto(`/app/admin/${id}`);
    await button(page, 'Cancel the election').click();
    await inDialog(page, 'Cancel the election').click();
    await page.getByText('Say why').waitFor();
    await page.getByLabel('The reason').fill('The list of candidates was wrong.');
    await inDialog(page, 'Cancel the election').click();
    await page.getByText('The reason: The list of candidates was wrong.').waitFor();
    assert.equal((await call(app.url, 'GET', `/elections/${id}`)).cancel_reason, 'The list of candidates was wrong.');
    await page.goto('/app/admin');
    await page.getByRole('region', { name: 'Finished' }).getByText('To be cancelled').waitFor();
  });

  it('freezes a roll, which everyone sees', async () => {
    const id = await draft('Frozen roll');
    const folder = mkdtempSync(join(tmpdir(), 'voting-credentials-'));
    await runVoting(app.url, ['voters', 'credentials', '--count', '2', '-o', join(folder, 'credentials')]);
    const made = JSON.parse(readFileSync(join(folder, 'credentials/public.json'), 'utf8'));
    rmSync(folder, { recursive: true });
    const voter = { email: 'alice@example.com', name: 'Alice' };
    await api('POST', `/elections/${id}/voters`, { voters: [voter] });
    const { page, faults } = office;
    await page.goto(`/app/admin/${id}`);
    await page.getByText('alice@example.com').waitFor();
    assert.equal(await button(page, 'Freeze the roll').count(), 0, 'nobody would be left on it');
    await api('POST', `/elections/${id}/credentials`, { credentials: made.credentials ?? made });
    await page.reload();
    await button(page, 'Freeze the roll').click();
    await page.getByRole('dialog').getByText('2 voters have a certified key').waitFor();
    await page.getByRole('dialog').getByText('1 voter has none').waitFor();
    await audit(page, 'dialog to freeze a roll');
    await inDialog(page, 'Freeze the roll').click();
    await page.getByText('Frozen: no key of anyone else can be certified').waitFor();
    assert.equal(await button(page, 'Freeze the roll').count(), 0);
    const late = await fetch(`${app.url}/elections/${id}/voters`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ voters: [{ ...voter, email: 'late@example.com' }] }),
    });
    assert.deepEqual([late.status, (await late.json()).code], [409, 'roll_frozen']);
    await api('POST', `/elections/${id}/publish`, {});
    const { roll_size: roll, frozen_roll: root } = await call(app.url, 'GET', `/elections/${id}`);
    assert.deepEqual([roll, /^[0-9a-f]{64}$/.test(root)], [2, true]);
    const reader = await openWindow(browser, app.url);
    await reader.page.goto(`/app/elections/${id}`);
    await reader.page.getByText(root).waitFor();
    assert.deepEqual([...faults, ...reader.faults], []);
    await reader.context.close();
  });

  it('asks who comes without a session to sign in, and leads back', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await page.goto('/app/admin/new');
    await page.waitForURL('**/app/login?back=%2Fapp%2Fadmin%2Fnew');
    await page.getByLabel('E-mail address').fill(PEOPLE.admin.email);
    await page.getByLabel('Password').fill(PEOPLE.admin.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/app/admin/new');
    await heading(page, 'Basics');
    await context.close();
  });
});

describe('pages of the administration', () => {
  let paths;
  before(async () => {
    const id = await draft('Looked at');
    await api('POST', `/elections/${id}/voters`, 'email,name\nalice@example.com,Alice\n', 'text/csv');
    const open = await openElection(app.url, token, { title: 'Looked at while open', candidates: ['Ada', 'Bob'] });
    const steps = ['basics', 'questions', 'dates', 'voters', 'rules', 'check'].map((name) => `/app/admin/${id}/edit?step=${name}`);
    paths = ['/app/admin', '/app/admin/new', '/app/admin/new?step=check', ...steps, `/app/admin/${id}`, `/app/admin/${open}`];
  });

  for (const theme of ['light', 'dark', 'contrast']) {
    it(`are accessible: ${theme}`, async () => {
      const { page, faults } = office;
      faults.length = 0;
      await page.evaluate((value) => localStorage.setItem('voting.theme', value), theme);
      for (const path of paths) {
        await page.goto(path);
        await settled(page);
        await audit(page, `${path} (${theme})`);
      }
      await button(page, 'Cancel the election').click();
      await page.getByRole('dialog').waitFor();
      await audit(page, `dialog (${theme})`);
      await page.goto(paths.find((path) => path.endsWith('voters')));
      await page.getByLabel('A list of voters').fill('email,name\nnobody,=1\nalice@example.com,Alice');
      await page.getByText('1 line is not acceptable').waitFor();
      await audit(page, `bad list (${theme})`);
      await button(page, 'Add 2 voters').click();
      await page.getByRole('alert').waitFor();
      await audit(page, `refused list (${theme})`);
      await button(page, 'Discard the list').click();
      assert.deepEqual(faults, []);
    });
  }

  it('fit 320 × 568 without scrolling sideways', async () => {
    const { page } = office;
    await page.setViewportSize({ width: 320, height: 568 });
    for (const path of paths) {
      await page.goto(path);
      await settled(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
    }
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  it('speak German', async () => {
    const { page } = office;
    await page.goto('/app/admin');
    await page.locator('.menu > summary').click();
    await page.getByText('Deutsch').click();
    await heading(page, 'Verwaltung');
    for (const path of paths) {
      await page.goto(path);
      await settled(page);
      assert.doesNotMatch(await page.locator('main').innerText(), /admin\.\w/, `${path} lacks words`);
    }
  });
});
