// Pictures of every page at two widths, into screenshots/: `npm run screenshots`, or `npm run screenshots contrast` for one theme.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { call, demoElection, openElection, openWindow, PEOPLE, signIn, startApp, startBrowser, tokenOf, WEB } from './harness.mjs';
import { MIXED, RANKED, SHARED } from './samples.mjs';
import { sealedElections, sealedPages, sealTestPages } from './sealedPages.mjs';

const OUT = join(WEB, 'screenshots');
const asked = process.argv.slice(2);
const THEMES = asked.length > 0 ? asked : ['light', 'dark', 'contrast'];
mkdirSync(OUT, { recursive: true });

const app = await startApp();
const browser = await startBrowser();
const admin = await tokenOf(app.url, PEOPLE.admin);
const demo = await demoElection(app.url, 'Board election');
const ranked = await openElection(app.url, admin, RANKED);
const shared = await openElection(app.url, admin, SHARED);
const mixed = await openElection(app.url, admin, MIXED);
const soon = { title: 'Delegates to the congress', secrecy: 'open', candidates: ['Ada', 'Bob'], start_date: new Date(Date.now() + 86_400_000).toISOString(), end_date: new Date(Date.now() + 9 * 86_400_000).toISOString() };
const authorized = { 'content-type': 'application/json', authorization: `Bearer ${admin}` };
const post = async (path, body = {}) => (await fetch(app.url + path, { method: 'POST', headers: authorized, body: JSON.stringify(body) })).json();
const later = await post('/elections', soon);
await post(`/elections/${later.id}/voters`, { voters: [{ email: PEOPLE.alice.email }] });
await post(`/elections/${later.id}/publish`);

/** Votes by the pages themselves; every ranking starts with another option. */
async function rank(person, id, order) {
  const { context, page } = await openWindow(browser, app.url);
  await signIn(page, person);
  await page.goto(`/app/elections/${id}/vote`);
  for (const name of order) await page.getByRole('button', { name: new RegExp(`Rank as number \\d+: ${name}`) }).click();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.waitForURL('**/receipt');
  await context.close();
}
await rank(PEOPLE.bob, ranked, ['Ines', 'Nadia', 'Kwame']);
await rank(PEOPLE.carol, ranked, ['Kwame', 'Grete']);
await rank(PEOPLE.bob, shared, ['Elijah', 'Carmina']);
await rank(PEOPLE.carol, shared, ['Carmina', 'St John']);
await post(`/elections/${ranked}/close`);
await post(`/elections/${shared}/close`);
const sealed = await sealedElections(app.url, post);
const voter = (await openWindow(browser, app.url)).page;
await signIn(voter, PEOPLE.carol);

for (const theme of THEMES) {
  for (const width of [1280, 390]) {
    const { context, page } = await openWindow(browser, app.url, { theme, viewport: { width, height: width === 390 ? 844 : 900 } });
    const shot = async (name, of = page) => {
      await of.waitForTimeout(450);
      await of.screenshot({ path: join(OUT, `${name}-${width}-${theme}.png`), fullPage: true });
    };
    const visit = async (path, name) => {
      await page.goto(path);
      await page.locator('h1').waitFor();
      await shot(name);
    };
    await sealedPages(page, app.url, sealed, shot);
    await voter.evaluate((value) => localStorage.setItem('voting.theme', value), theme);
    await voter.setViewportSize(page.viewportSize());
    await sealTestPages(voter, app.url, (name) => shot(name, voter));
    await visit('/app/login', '01-login');
    await visit('/app/check', '02-check');
    await signIn(page, PEOPLE.alice);
    await visit('/app/elections', '03-elections');
    await visit(`/app/elections/${demo}`, '04-election');
    await visit(`/app/elections/${mixed}/vote`, '05-choose-mixed');
    await visit(`/app/elections/${(await call(app.url, 'GET', '/elections')).find((one) => one.title === later.title)?.id ?? later.id}`, '06-upcoming');
    const election = await openElection(app.url, admin, { title: `Treasurer (${theme} ${width})`, contests: [{ title: 'Who keeps the books?', method: 'borda', options: ['Ada Lovelace', 'Grace Hopper', 'Alan Turing'].map((name) => ({ name })) }] });
    await page.goto(`/app/elections/${election}/vote`);
    for (const name of ['Grace', 'Ada']) await page.getByRole('button', { name: new RegExp(`Rank as number \\d+: ${name}`) }).click();
    await shot('07-rank');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('Your ballot is ready').waitFor();
    await shot('08-review');
    await page.getByRole('button', { name: 'Cast my vote' }).click();
    await page.getByRole('dialog').waitFor();
    await shot('09-dialog');
    let answer = () => undefined;
    await page.route('**/votes/*', async (route) => {
      await new Promise((resolve) => (answer = resolve));
      await route.continue().catch(() => undefined);
    });
    await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
    await page.getByText('Taking longer than usual').waitFor();
    await shot('10-casting');
    await page.getByText('We don’t know yet').waitFor({ timeout: 20_000 });
    await shot('11-unknown');
    await page.unroute('**/votes/*');
    answer();
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.waitForURL('**/receipt');
    await page.getByText('This browser has verified').waitFor();
    await shot('12-receipt');
    await page.getByRole('link', { name: 'Check it on the public list' }).click();
    await page.getByRole('heading', { name: 'On the list' }).waitFor();
    await shot('13-check-listed');
    await visit(`/app/elections/${election}/result`, '14-result-live');
    await visit(`/app/elections/${ranked}/result`, '15-result-stv');
    await visit(`/app/elections/${shared}/result`, '16-result-pairs');
    await visit(`/app/elections/${ranked}/board`, '17-board');
    await visit('/app/results', '18-results');
    await visit(`/app/elections/${demo}/result`, '19-result-hidden');
    await visit('/app/nowhere', '20-not-found');
    await visit('/app/keyboard', '21-keyboard');
    await page.locator('.menu > summary').click();
    await shot('22-menu');
    await page.goto('/app/network');
    await page.getByText('authority-3').locator('visible=true').first().waitFor();
    await shot('23-network');
    const office = await openWindow(browser, app.url, { theme, viewport: page.viewportSize() });
    await signIn(office.page, PEOPLE.admin);
    for (const [path, name] of [
      ['/app/admin', '24-admin'],
      [`/app/admin/${demo}`, '25-admin-election'],
      ['/app/admin/new', '26-admin-basics'],
    ]) {
      await office.page.goto(path);
      await office.page.locator('h1').waitFor();
      await office.page.waitForTimeout(450);
      await office.page.screenshot({ path: join(OUT, `${name}-${width}-${theme}.png`), fullPage: true });
    }
    await office.context.close();
    await context.close();
  }
}
await browser.close();
app.stop();
process.exit(0);
