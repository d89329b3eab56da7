// What pictures of sealed elections need: one at its ceremony, one that was closed and partly decrypted, and the keys of their trustees.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoElection, runVoting } from './harness.mjs';

const NAMES = ['Rosa Lindqvist', 'Tomás Herrera', 'Mei Tanaka'];
const CHOICES = ['Yes, this year', 'Yes, this year', 'Not before 2031', 'No'];

/** Sets both up; `post` speaks as an administrator. */
export async function sealedElections(url, post) {
  const folder = mkdtempSync(join(tmpdir(), 'voting-pictures-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const keyOf = (place) => join(folder, `${place}.key`);
  const trustees = [];
  for (const [place, name] of NAMES.entries()) {
    const { public_key: key } = JSON.parse(await runVoting(url, ['trustee', 'keygen', keyOf(place), '--output', 'json']));
    trustees.push({ name, key });
  }
  await runVoting(url, ['voters', 'credentials', '--count', String(CHOICES.length), '-o', join(folder, 'voters')]);
  const listed = JSON.parse(readFileSync(join(folder, 'voters/public.json'), 'utf8'));
  const day = 86_400_000;
  const make = async (title) => {
    const times = { start_date: new Date(Date.now() - day).toISOString(), end_date: new Date(Date.now() + day).toISOString() };
    const contests = [{ title: 'Shall we rebuild the library?', method: 'plurality', options: ['Yes, this year', 'Not before 2031', 'No'].map((name) => ({ name })) }];
    const { id } = await post('/elections', { title, contests, timing: 'officer', ...times, sealing: { threshold: 2, min_ballots: 3, trustees } });
    await post(`/elections/${id}/credentials`, { credentials: listed.credentials ?? listed });
    await post(`/elections/${id}/publish`);
    return id;
  };
  const beginning = await make('The library (ceremony)');
  const closed = await make('The library');
  await Promise.all(NAMES.map((_, place) => runVoting(url, ['trustee', 'ceremony', closed, '--key', keyOf(place), '--yes'])));
  await post(`/elections/${closed}/publish`);
  await post(`/elections/${closed}/open`);
  for (const [place, choice] of CHOICES.entries()) {
    const credential = join(folder, `voters/${String(place + 1).padStart(4, '0')}.key`);
    await runVoting(url, ['vote', closed, '--choice', choice, '--credential', credential, '--yes']);
  }
  await post(`/elections/${closed}/close`);
  await runVoting(url, ['trustee', 'decrypt', closed, '--key', keyOf(0), '--yes']);
  return { beginning, closed, keyOf };
}

/** Takes the pictures of a window that nobody is signed in at yet. */
export async function sealedPages(page, url, { beginning, closed, keyOf }, shot) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const load = (place) => page.getByLabel('Your key file', { exact: true }).setInputFiles(keyOf(place));
  await page.goto('/app/trustee');
  await button('Make a key').waitFor();
  await shot('30-trustee-key');
  await button('Make a key').click();
  const saved = page.waitForEvent('download');
  await button('Save the key file').click();
  const copy = await (await saved).path();
  await page.getByLabel('The copy of the key file', { exact: true }).waitFor();
  await shot('31-trustee-backup');
  await page.getByLabel('The copy of the key file', { exact: true }).setInputFiles(copy);
  await page.getByText('The copy is whole').waitFor();
  await shot('32-trustee-handed-over');
  await page.goto(`/app/trustee/${beginning}`);
  await page.getByText('Load your key file').waitFor();
  await shot('33-trustee-load');
  await load(1);
  await page.getByText('You are trustee 2').waitFor();
  await shot('34-trustee-before-ceremony');
  await button('Take part as trustee 2').click();
  await page.getByText('You take part.').waitFor();
  await shot('35-trustee-ceremony');
  await page.goto(`/app/trustee/${closed}`);
  await load(1);
  await button('Verify and add up').waitFor();
  await shot('36-trustee-closed');
  await button('Verify and add up').click();
  await button('Decrypt my part').waitFor({ timeout: 60_000 });
  await shot('37-trustee-decrypt');
  await page.goto(`/app/elections/${closed}/board`);
  await button('Verify everything').waitFor();
  await shot('38-sealed-board');
  await button('Verify everything').click();
  await page.getByText('Everything holds so far').waitFor({ timeout: 60_000 });
  await shot('39-sealed-verified');
  await page.route('**/tile/entries/**', async (route) => {
    const answer = await route.fetch();
    const bytes = await answer.body();
    bytes[500] ^= 1;
    await route.fulfill({ response: answer, body: bytes });
  });
  await button('Verify again').click();
  await page.getByText('Something does not hold').waitFor({ timeout: 60_000 });
  await shot('40-sealed-lie');
  await page.unroute('**/tile/entries/**');
  await page.goto(`/app/elections/${await demoElection(url, 'Bicycle shed (sealed)')}`);
  await page.getByText('For trustees of this election').waitFor();
  await shot('41-sealed-election');
}

/** The same of a voter, whose key stays in one window: it is certified once. */
export async function sealTestPages(page, url, shot) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const shed = await demoElection(url, 'Bicycle shed (sealed)');
  await page.goto(`/app/elections/${shed}/vote`);
  await page.getByLabel(/^Later/).check();
  await button('Review').click();
  await button('Go on to the decision').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Test the seal' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Open this ballot' }).click();
  await page.getByText('The seal holds').waitFor();
  await shot('42-sealed-test');
  await page.goto(await page.locator('a[href*="/app/check-seal/"]').getAttribute('href'));
  await page.getByText('This is what the ballot held').waitFor({ timeout: 60_000 });
  await shot('43-sealed-second-device');
}
