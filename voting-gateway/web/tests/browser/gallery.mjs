// The pictures of the README, in docs/images: a few pages as somebody sees them who tries the demonstration.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { importElection, openWindow, PEOPLE, signIn, startApp, startBrowser, WEB } from './harness.mjs';

const OUT = join(WEB, '../../docs/images');
mkdirSync(OUT, { recursive: true });
const app = await startApp();
const browser = await startBrowser();
const ward = await importElection(app.url, 'scottish-stv', { ballots: 400, candidates: 6, seats: 3 });

const { page } = await openWindow(browser, app.url, { theme: 'light', viewport: { width: 1120, height: 720 } });
const shot = async (name) => {
  await page.waitForTimeout(700); // until what moves has come to rest
  await page.screenshot({ path: join(OUT, `${name}.png`) });
};
await signIn(page, PEOPLE.alice);
await shot('elections');
await page.getByRole('link', { name: 'Vote in Board election' }).click();
await page.getByRole('link', { name: 'Start voting' }).click();
await page.getByLabel(/^Grace Hopper/).check();
await page.getByRole('button', { name: 'Review' }).click();
await page.getByRole('button', { name: 'Cast my vote' }).click();
await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
await page.getByText('This browser has verified').waitFor();
await page.locator('.toasts button').first().click();
await shot('receipt');
await page.goto(`/app/elections/${ward}/result`);
await page.locator('.result-grid table').waitFor();
await page.locator('.contest-result').first().evaluate((part) => part.scrollIntoView());
await shot('result');
await page.goto('/app/network');
await page.getByText('authority-3').first().waitFor();
await page.waitForTimeout(3_000); // a few frames
await shot('network');
await browser.close();
app.stop();
process.exit(0);
