// Trustees in the browser, from their keys to the result, and readers who verify everything: with gateways that lie to both.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { call, demoElection, openWindow, PEOPLE, runVoting, signIn, startApp, startBrowser, sticksOut, tokenOf } from './harness.mjs';

let app, browser, admin;
const folder = mkdtempSync(join(tmpdir(), 'voting-trustees-'));
const fileOf = (name) => join(folder, `${name}.key`);
const secretOf = (name) => readFileSync(fileOf(name), 'utf8').trim();
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
});
after(async () => {
  await browser?.close();
  app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const post = async (path, body = {}) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin}` };
  const answer = await fetch(app.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
};

/** Nothing is wrong with a page, narrow and wide. */
async function inOrder(page, what) {
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction((wanted) => innerWidth === wanted, width);
    assert.deepEqual(await sticksOut(page), [], `${what} at ${width}`);
  }
  await audit(page, what);
}

/** Whatever a browser keeps of a page, as text. */
const keptBy = async (page) => {
  const kept = await page.evaluate(async () => {
    const databases = await Promise.all(
      (await indexedDB.databases()).map(
        ({ name }) =>
          new Promise((resolve, reject) => {
            const request = indexedDB.open(name);
            request.onerror = () => reject(request.error);
            request.onsuccess = async () => {
              const database = request.result;
              const all = [...database.objectStoreNames].map(
                (store) => new Promise((done) => (database.transaction(store).objectStore(store).getAll().onsuccess = ({ target }) => done(JSON.stringify(target.result)))),
              );
              resolve(await Promise.all(all));
              database.close();
            };
          }),
      ),
    );
    const caches = await globalThis.caches?.keys();
    return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, caches, location.href, history.state, document.documentElement.outerHTML]);
  });
  return kept + JSON.stringify(await page.context().cookies());
};
/** The key is nowhere but in the worker's memory. */
const keepsNoKey = async (page, ...names) => {
  const kept = await keptBy(page);
  for (const name of names) assert.ok(!kept.includes(secretOf(name)), `the key of ${name} is kept`);
};
const load = (page, label, file) => page.getByLabel(label, { exact: true }).setInputFiles(file);

describe('a trustee’s key', () => {
  it('is made, saved, proved by loading the copy, and handed over', async () => {
    writeFileSync(join(folder, 'letter.txt'), 'Dear trustee\n');
    await runVoting(app.url, ['trustee', 'keygen', fileOf('other'), '--output', 'json']);
    for (const name of ['ann', 'ben']) {
      const { context, page, faults } = await openWindow(browser, app.url);
      await page.goto('/app/trustee');
      if (name === 'ann') await inOrder(page, 'page to make a key');
      await button(page, 'Make a key').click();
      const saved = page.waitForEvent('download');
      await button(page, 'Save the key file').click();
      const download = await saved;
      assert.match(download.suggestedFilename(), /^trustee-[0-9a-f]{16}\.key$/);
      await download.saveAs(fileOf(name));
      chmodSync(fileOf(name), 0o600);
      if (name === 'ann') {
        await load(page, 'The copy of the key file', join(folder, 'letter.txt'));
        await page.getByRole('alert').getByText('This is no trustee’s key file').waitFor();
        await load(page, 'The copy of the key file', fileOf('other'));
        await page.getByRole('alert').getByText('This file is another key').waitFor();
        await inOrder(page, 'a copy that is wrong');
      }
      await load(page, 'The copy of the key file', fileOf(name));
      await page.getByText('The copy is whole').waitFor();
      const key = await page.locator('[data-key]').getAttribute('data-key');
      const shown = JSON.parse(await runVoting(app.url, ['keys', 'show', fileOf(name), '--output', 'json']));
      assert.equal(JSON.stringify(shown).includes(key), true, 'the program reads the same key from the file');
      await page.getByText(shown.fingerprint.match(/.{4}/g).join(' ')).waitFor();
      await keepsNoKey(page, name);
      if (name === 'ann') await inOrder(page, 'a key that is handed over');
      assert.deepEqual(faults, []);
      await context.close();
    }
  });
});

describe('an election with trustees in the browser', () => {
  const windows = {};
  let id;
  const publicKeyOf = async (name) => JSON.parse(await runVoting(app.url, ['keys', 'show', fileOf(name), '--output', 'json'])).public_key;

  it('has its key made by two in the browser and one who began with the program', async () => {
    await runVoting(app.url, ['trustee', 'keygen', fileOf('cyd')]);
    const trustees = [];
    for (const name of ['ann', 'ben', 'cyd']) trustees.push({ name, key: await publicKeyOf(name) });
    const day = 86_400_000;
    const times = { start_date: new Date(Date.now() - 60_000).toISOString(), end_date: new Date(Date.now() + 3 * day).toISOString() };
    ({ id } = await post('/elections', { title: 'Assembly', candidates: ['Ada', 'Grace', 'Joan', 'Mary', 'Lise'], timing: 'officer', revote: 'last-counts', ...times, sealing: { threshold: 2, min_ballots: 3, trustees } }));

    const ann = (windows.ann = await openWindow(browser, app.url));
    await ann.page.goto(`/app/trustee/${id}`);
    await ann.page.getByText('The ceremony has not begun').waitFor();
    await runVoting(app.url, ['voters', 'credentials', '--count', '4', '-o', join(folder, 'credentials')]);
    const credentials = JSON.parse(readFileSync(join(folder, 'credentials/public.json'), 'utf8'));
    await post(`/elections/${id}/credentials`, { credentials: credentials.credentials ?? credentials });
    await post(`/elections/${id}/publish`);

    // The page goes on by itself. Somebody else's key does nothing.
    await load(ann.page, 'Your key file', fileOf('other'));
    await ann.page.getByRole('alert').getByText('This key belongs to none of the trustees').waitFor();
    await ann.page.getByText('I have lost my file').click();
    await ann.page.getByText('Nobody can make the file again').waitFor();
    await inOrder(ann.page, 'a stranger’s key');
    await load(ann.page, 'Your key file', fileOf('ann'));
    await ann.page.getByText('You are trustee 1, ann.').waitFor();
    await inOrder(ann.page, 'before the ceremony');
    assert.equal((await call(app.url, 'GET', `/elections/${id}/ceremony`)).waits_for.length, 3, 'nothing is said before it is confirmed');
    await button(ann.page, 'Take part as trustee 1').click();
    await ann.page.getByText('Waiting for ben, cyd.').waitFor();
    await keepsNoKey(ann.page, 'ann');

    // Left in the middle, the key is gone; with the file one goes on.
    await ann.page.goto('/app/elections');
    await ann.page.goto(`/app/trustee/${id}`);
    await ann.page.getByText('Load your key file').waitFor();
    await load(ann.page, 'Your key file', fileOf('ann'));
    await button(ann.page, 'Take part as trustee 1').click();

    // What the program has committed to, the browser reveals: both draw the same from the same file.
    await runVoting(app.url, ['trustee', 'ceremony', id, '--key', fileOf('cyd'), '--yes', '--once']);
    await ann.page.getByText('Waiting for ben.').waitFor();
    for (const [name, number] of [['ben', 2], ['cyd', 3]]) {
      const { page } = (windows[name] = await openWindow(browser, app.url));
      await page.goto(`/app/trustee/${id}`);
      await load(page, 'Your key file', fileOf(name));
      await button(page, `Take part as trustee ${number}`).click();
    }
    const transcripts = [];
    for (const { page } of Object.values(windows)) {
      const made = page.getByRole('region', { name: 'The key of the election is made' });
      await made.getByText('this was just proved').waitFor({ timeout: 60_000 });
      transcripts.push(await made.locator('.mono').innerText());
    }
    assert.equal(new Set(transcripts).size, 1, 'all have seen the same ceremony');
    const status = JSON.parse(await runVoting(app.url, ['trustee', 'status', id, '--output', 'json']));
    assert.equal(transcripts[0].replaceAll(' ', ''), status.transcript.slice(0, 32));
    await inOrder(ann.page, 'a ceremony that is done');
  });

  it('has backups proved: by the program one that the browser made, and here', async () => {
    const { page } = windows.ben;
    const backup = page.getByRole('region', { name: 'Check a backup' });
    await load(backup, 'The backup of your key file', fileOf('ben'));
    await backup.getByText('This file gives trustee 2’s part of the key').waitFor();
    await load(backup, 'The backup of your key file', fileOf('other'));
    await backup.getByText('This file does not give your part').waitFor();
    const checked = JSON.parse(await runVoting(app.url, ['trustee', 'check', id, '--key', fileOf('ben'), '--output', 'json']));
    assert.deepEqual([checked.trustee, checked.opens], [2, true]);
    await page.getByText('The election is not closed').waitFor();
  });

  const codes = [];
  let reader;
  const verify = async (page) => {
    await page.getByRole('button', { name: /^Verify (everything|again)$/ }).click();
    await page.locator('.outcome').waitFor({ timeout: 60_000 });
  };

  it('is verified by anyone while it is open, and nobody sees how it stands', async () => {
    await post(`/elections/${id}/publish`);
    await post(`/elections/${id}/open`);
    reader = await openWindow(browser, app.url);
    const frames = [];
    reader.page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
    const answers = [];
    reader.page.on('response', (response) => answers.push(new URL(response.url()).pathname));
    const choices = [['0001', 'Ada', 1], ['0002', 'Grace', 0], ['0003', 'Ada', 0]];
    for (const [number, choice, tests] of choices) {
      const said = JSON.parse(await runVoting(app.url, ['vote', id, '--choice', choice, '--credential', join(folder, `credentials/${number}.key`), '--test-seal', tests, '--yes', '--output', 'json']));
      codes.push(said.code ?? said.receipt?.code);
    }
    assert.match(codes[0] ?? '', /^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
    await reader.page.goto(`/app/elections/${id}/board`);
    await reader.page.getByText('3 ballots', { exact: false }).first().waitFor();
    await verify(reader.page);
    await reader.page.getByText('Everything holds so far').waitFor();
    await reader.page.getByText('Every sealed ballot proves that it says what the question allows').waitFor();
    await reader.page.getByText('1 seal was tested').waitFor();
    await inOrder(reader.page, 'verified while it is open');
    assert.equal(await reader.page.locator('.verify-sums').count(), 0);
    assert.doesNotMatch(await reader.page.locator('main').innerText(), /Ada|Grace/);
    assert.doesNotMatch(frames.join(), /"tally"|"votes"/);
    assert.deepEqual(answers.filter((path) => path.endsWith('/results')), [], 'there is nothing to ask for');
  });

  /** Splits a tile of entries. */
  const entriesIn = (bytes) => {
    const entries = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 2 + bytes.readUInt16BE(at);
      entries.push(bytes.subarray(at, end));
      at = end;
    }
    return entries;
  };
  /** A board that exchanges the ballots under its hashes. */
  const lieAboutEntries = (page, change) =>
    page.route('**/tile/entries/**', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: Buffer.concat(change(entriesIn(await answer.body()))) });
    });

  it('is caught lying, with the code of the ballot that is changed, left out or hidden', async () => {
    const { page } = reader;
    const named = async (said, code) => {
      await verify(page);
      const alert = page.getByRole('alert');
      await alert.getByText(said).waitFor();
      assert.equal(await alert.locator('[data-code]').getAttribute('data-code'), code);
    };
    await lieAboutEntries(page, (entries) => entries.map((entry, at) => (at === 1 ? Buffer.from(entry.map((byte, place) => (place === 300 ? byte ^ 1 : byte))) : entry)));
    await named('A ballot on the list is missing, or is not the one', codes[1]);
    await inOrder(page, 'a lie that is caught');
    await page.unroute('**/tile/entries/**');
    await lieAboutEntries(page, (entries) => entries.slice(0, 2));
    await named('A ballot on the list is missing, or is not the one', codes[2]);
    await page.unroute('**/tile/entries/**');
    await page.route('**/bundle', async (route) => {
      const answer = await route.fetch();
      const bytes = await answer.body();
      const ballot = entriesIn(Buffer.from(await (await fetch(`${app.url}/board/${id}/tile/entries/000.p/3`)).arrayBuffer()))[0].subarray(2);
      bytes[bytes.indexOf(ballot) + 400] ^= 1;
      await route.fulfill({ response: answer, body: bytes });
    });
    await named('An entry of the ledger was changed, hidden or left out.', codes[0]);
    await page.unroute('**/bundle');
    await verify(page);
    await page.getByText('Everything holds so far').waitFor();
  });

  it('is decrypted by two of three, who decrypt nothing that a lying gateway shows them', async () => {
    await post(`/elections/${id}/close`);
    const { page } = windows.ben;
    let sent = 0;
    page.on('request', (request) => (sent += request.method() === 'POST' ? 1 : 0));
    const card = page.getByRole('region', { name: 'Decrypt the sums' });
    await lieAboutEntries(page, (entries) => entries.slice(1));
    await button(card, 'Verify and add up').click();
    await card.getByRole('alert').getByText('A ballot on the list is missing').waitFor({ timeout: 60_000 });
    assert.equal(await card.locator('[data-code]').getAttribute('data-code'), codes[0]);
    assert.equal(await button(card, 'Decrypt my part').count(), 0);
    await inOrder(page, 'a trustee who is lied to');
    await page.unroute('**/tile/entries/**');
    await button(card, 'Verify and add up').click();
    await card.getByText('3 ballots count, together 3 votes; 1 seal was tested.').waitFor({ timeout: 60_000 });
    assert.equal(sent, 0, 'nothing is said before it is confirmed');
    await inOrder(page, 'sums that would be decrypted');
    await keepsNoKey(page, 'ben');
    await button(card, 'Decrypt my part').click();
    await card.getByText('One more trustee must decrypt. So far: ben.').waitFor({ timeout: 60_000 });
    await inOrder(page, 'a part that is recorded');
    assert.equal(sent, 1);

    // Cyd is absent. What is verified meanwhile has one part, and no sums.
    await reader.page.goto(`/app/elections/${id}/board`);
    await verify(reader.page);
    await reader.page.getByText('1 trustee has decrypted these sums, and proves it.').waitFor();
    assert.equal(await reader.page.locator('.verify-sums').count(), 0);

    const ann = windows.ann.page;
    await button(ann, 'Verify and add up').click({ timeout: 60_000 });
    await button(ann, 'Decrypt my part').click({ timeout: 60_000 });
    await ann.getByText('The election is counted. There is nothing left to do.').waitFor({ timeout: 60_000 });
    for (const { faults } of Object.values(windows)) assert.deepEqual(faults, []);
  });

  it('has a result that everyone recomputes, and no other that a gateway shows', async () => {
    await post(`/elections/${id}/publish-result`);
    const { page, faults } = reader;
    await page.goto(`/app/elections/${id}/board`);
    await verify(page);
    await page.getByText('Everything holds', { exact: true }).waitFor();
    await page.getByText('The figures that this gateway shows are the same.').waitFor();
    const rows = await page.locator('.verify-sums tbody tr').allInnerTexts();
    assert.deepEqual(rows.map((row) => row.split(/\s+/)), [['Ada', '2'], ['Grace', '1'], ['Joan', '0'], ['Mary', '0'], ['Lise', '0'], ['Blank', '0']]);
    await inOrder(page, 'a result that was recomputed');
    await page.route('**/results', async (route) => {
      const answer = await route.fetch();
      const result = await answer.json();
      result.contests[0].options.find(({ name }) => name === 'Grace').votes = 7;
      await route.fulfill({ response: answer, json: result });
    });
    await verify(page);
    await page.getByRole('alert').getByText('This gateway shows another sum than the ballots give: Grace: 7, 1.').waitFor();
    await page.unroute('**/results');
    assert.deepEqual(faults, []);
  });

  it('is verified, and served to trustees, in German as well', async () => {
    const { context, page } = await openWindow(browser, app.url, { locale: 'de-DE' });
    await page.goto(`/app/elections/${id}/board`);
    await button(page, 'Alles prüfen').click();
    await page.getByText('Alles stimmt', { exact: true }).waitFor({ timeout: 60_000 });
    await inOrder(page, 'verified in German');
    await page.goto('/app/trustee');
    await button(page, 'Schlüssel machen').waitFor();
    await inOrder(page, 'page to make a key in German');
    await page.goto(`/app/trustee/${id}`);
    await load(page, 'Ihre Schlüsseldatei', fileOf('cyd'));
    await page.getByText('Die Wahl ist ausgezählt').waitFor();
    await inOrder(page, 'page of a trustee in German');
    await context.close();
  });

  it('an open election is verified with the same button, as far as one may see', async () => {
    const board = await demoElection(app.url, 'Board election');
    const { context, page } = await openWindow(browser, app.url);
    await page.goto(`/app/elections/${board}/board`);
    await verify(page);
    await page.getByText('The ballots themselves are not shown to you before the result is.').waitFor();
    await inOrder(page, 'an open election, verified');
    await context.close();
  });
});

describe('a test of the seal', () => {
  it('is recomputed on a second device, which shows what the ballot held', async () => {
    const shed = await demoElection(app.url, 'Bicycle shed (sealed)');
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${shed}/vote`);
    await page.getByLabel(/^Later/).check();
    await button(page, 'Review').click();
    await button(page, 'Go on to the decision').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Test the seal' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Open this ballot' }).click();
    await page.getByText('The seal holds').waitFor();
    await page.getByRole('img', { name: 'Address at which another device' }).waitFor();
    const code = await page.locator('main [data-code]').getAttribute('data-code');
    const address = await page.locator('a[href*="/app/check-seal/"]').getAttribute('href');
    assert.equal(address, `/app/check-seal/${shed}/${code}`, 'no more than what finds it');
    await inOrder(page, 'a tested seal with its code to photograph');

    const second = await openWindow(browser, app.url);
    await second.page.goto(address);
    await second.page.getByText('This is what the ballot held').waitFor();
    await second.page.getByRole('region', { name: 'This ballot held:' }).getByText('Later').waitFor();
    await inOrder(second.page, 'a test recomputed elsewhere');
    await second.page.goto(`/app/check-seal/${shed}/0000-0000-0000-0000-0000-0000-0000-0000`);
    await second.page.getByText('No opened ballot has this code').waitFor();
    await inOrder(second.page, 'a test that is not there');
    assert.deepEqual(second.faults, []);
    await second.context.close();
    await context.close();
  });
});
