// Drafts that could be lost: by leaving the wizard, or to another administrator.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf } from './harness.mjs';

let app, browser, token, office;
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  token = await tokenOf(app.url, PEOPLE.admin);
  office = await openWindow(browser, app.url);
  office.page.setDefaultTimeout(15_000);
  await signIn(office.page, PEOPLE.admin, '/app/admin');
});
after(async () => {
  await browser?.close();
  app?.stop();
});

const inDialog = (page, name) => page.getByRole('dialog').getByRole('button', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const asked = (page) => page.getByRole('dialog', { name: 'Leave without saving?' });

async function api(method, path, body) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const answer = await fetch(app.url + path, { method, headers, body: body && JSON.stringify(body) });
  const value = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}

const DAY = 86_400_000;
const definition = (title) => ({ title, secrecy: 'open', candidates: ['Ada', 'Bob'], start_date: new Date(Date.now() + DAY).toISOString(), end_date: new Date(Date.now() + 9 * DAY).toISOString() });
const draft = async (title) => (await api('POST', '/elections', definition(title))).id;

describe('leaving the wizard', () => {
  /** From the list of elections by that of the administration into the wizard, with something typed. */
  async function typed(page) {
    await page.goto('/app/elections');
    await heading(page, 'Elections');
    await page.getByRole('link', { name: 'Administration' }).first().click();
    await page.getByRole('link', { name: 'New election' }).click();
    await heading(page, 'Basics');
    await page.getByLabel('Title').click();
    await page.keyboard.type('Unsaved');
  }

  it('asks at the browser’s Back, stays, and then leads where it was to lead', async () => {
    const { page, faults } = office;
    await typed(page);
    await page.goBack();
    await asked(page).waitFor();
    await audit(page, 'asked before leaving');
    assert.equal(new URL(page.url()).pathname, '/app/admin/new');
    await inDialog(page, 'Stay here').click();
    await asked(page).waitFor({ state: 'hidden' });
    assert.equal(await page.getByLabel('Title').inputValue(), 'Unsaved');
    await page.goBack();
    await asked(page).waitFor();
    await page.keyboard.press('Escape');
    await asked(page).waitFor({ state: 'hidden' });
    assert.equal(await page.getByLabel('Title').inputValue(), 'Unsaved');
    await page.goBack();
    await inDialog(page, 'Leave without saving').click();
    await heading(page, 'Administration');
    assert.equal(new URL(page.url()).pathname, '/app/admin');
    await page.goBack();
    await heading(page, 'Elections');
    assert.equal(await asked(page).count(), 0);
    assert.deepEqual(faults, []);
  });

  it('goes back from step to step without asking, and asks at the first', async () => {
    const { page } = office;
    await typed(page);
    await page.getByRole('button', { name: 'Go on' }).click();
    await heading(page, 'Questions');
    await page.goBack();
    await heading(page, 'Basics');
    assert.equal(await asked(page).count(), 0);
    assert.equal(await page.getByLabel('Title').inputValue(), 'Unsaved');
    await page.goBack();
    await inDialog(page, 'Leave without saving').click();
    await heading(page, 'Administration');
  });

  it('asks at links, shortcuts and signing out', async () => {
    const { page } = office;
    await typed(page);
    await page.getByRole('link', { name: 'Network', exact: true }).first().click();
    await inDialog(page, 'Stay here').click();
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    await inDialog(page, 'Stay here').click();
    await page.locator('.menu > summary').click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await inDialog(page, 'Stay here').click();
    assert.equal(await page.getByLabel('Title').inputValue(), 'Unsaved');
    await page.getByRole('link', { name: 'Network', exact: true }).first().click();
    await inDialog(page, 'Leave without saving').click();
    await heading(page, 'Network');
  });

  it('has the browser ask when the window closes, and nobody once all is saved', async () => {
    const { page } = office;
    const id = await draft('To be saved');
    const window = await office.context.newPage();
    await window.goto(`/app/admin/${id}/edit`);
    await window.getByLabel('Title').click();
    await window.keyboard.type(' again');
    const [dialog] = await Promise.all([window.waitForEvent('dialog'), window.close({ runBeforeUnload: true })]);
    assert.equal(dialog.type(), 'beforeunload');
    await dialog.dismiss();
    await window.getByRole('button', { name: 'Save and go on' }).click();
    await heading(window, 'Questions');
    await window.getByText('Draft saved').waitFor();
    await Promise.all([window.waitForEvent('close'), window.close({ runBeforeUnload: true })]);
    await page.goto('/app/admin');
  });
});

describe('two administrators on one draft', () => {
  const conflict = (page) => page.getByRole('dialog', { name: 'Somebody else has changed this draft' });
  const titleOf = async (id) => (await api('GET', `/elections/${id}`)).title;

  /** A draft open here, which somebody else then saves; what is typed here is not saved. */
  async function overtaken(title) {
    const { page } = office;
    const id = await draft(title);
    await page.goto(`/app/admin/${id}/edit`);
    await heading(page, 'Basics');
    await api('PUT', `/elections/${id}`, definition(`${title} of theirs`));
    await page.getByLabel('Title').fill(`${title} of mine`);
    await page.getByRole('button', { name: 'Save and go on' }).click();
    await conflict(page).waitFor();
    assert.equal(await titleOf(id), `${title} of theirs`);
    return { page, id };
  }

  it('neither is lost unseen: theirs is loaded, and saving goes on from it', async () => {
    const { page, id } = await overtaken('Budget');
    await audit(page, 'somebody else has changed it');
    await page.keyboard.press('Escape');
    await conflict(page).waitFor({ state: 'hidden' });
    assert.equal(await page.getByLabel('Title').inputValue(), 'Budget of mine');
    await page.getByText('Changes not saved yet').waitFor();
    await page.getByRole('button', { name: 'Save and go on' }).click();
    await inDialog(page, 'Load theirs').click();
    await conflict(page).waitFor({ state: 'hidden' });
    await page.getByText('Draft saved').waitFor();
    assert.equal(await page.getByLabel('Title').inputValue(), 'Budget of theirs');
    await page.getByLabel('Title').fill('Budget of both');
    await page.getByRole('button', { name: 'Save and go on' }).click();
    await heading(page, 'Questions');
    assert.equal(await titleOf(id), 'Budget of both');
  });

  it('mine is kept, over theirs', async () => {
    const { page, id } = await overtaken('Board');
    await inDialog(page, 'Keep mine').click();
    await conflict(page).waitFor({ state: 'hidden' });
    await page.getByText('Draft saved').waitFor();
    assert.equal(await titleOf(id), 'Board of mine');
    assert.deepEqual(office.faults, []);
  });

  it('what somebody else has changed is not published unseen', async () => {
    const { page } = office;
    const id = await draft('Statutes');
    await api('POST', `/elections/${id}/voters`, { voters: [{ email: PEOPLE.alice.email }] });
    await page.goto(`/app/admin/${id}/edit?step=check`);
    await heading(page, 'Checklist');
    await api('PUT', `/elections/${id}`, definition('Statutes of theirs'));
    const publish = async () => {
      await page.getByRole('button', { name: 'Publish the election', exact: true }).click();
      await inDialog(page, 'Publish the election').click();
    };
    await publish();
    await conflict(page).waitFor();
    assert.equal((await api('GET', `/elections/${id}`)).phase, 'draft');
    await inDialog(page, 'Load theirs').click();
    await conflict(page).waitFor({ state: 'hidden' });
    await publish();
    await page.waitForURL((url) => url.pathname === `/app/admin/${id}`);
    const { title, phase } = await api('GET', `/elections/${id}`);
    assert.deepEqual({ title, phase }, { title: 'Statutes of theirs', phase: 'scheduled' });
  });

  it('a draft that was published meanwhile is no draft any more', async () => {
    const { page, id } = await overtaken('Motion');
    await api('POST', `/elections/${id}/voters`, { voters: [{ email: PEOPLE.alice.email }] });
    await api('POST', `/elections/${id}/publish`, {});
    await inDialog(page, 'Keep mine').click();
    await page.waitForURL((url) => url.pathname === `/app/admin/${id}`);
    assert.equal(await titleOf(id), 'Motion of theirs');
  });
});
