// Sealed elections: voting, testing seals, gateways that lie, trustees, results; and what the browser keeps.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { demoElection, openWindow, PEOPLE, runVoting, signIn, startApp, startBrowser, sticksOut, tokenOf } from './harness.mjs';

let app, browser, admin, shed;
const folder = mkdtempSync(join(tmpdir(), 'voting-sealed-'));
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  admin = await tokenOf(app.url, PEOPLE.admin);
  shed = await demoElection(app.url, 'Bicycle shed (sealed)');
});
after(async () => {
  await browser?.close();
  app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const inDialog = (page, name) => page.getByRole('dialog').getByRole('button', { name, exact: true });
const step = (page, name) => page.locator('.wizard-steps').getByRole('button', { name }).click();
const recorded = (page) => page.getByRole('heading', { level: 1, name: 'Your vote is recorded' }).waitFor();
const api = async (method, path, body) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin}` };
  const answer = await fetch(app.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
};

/** Nothing is wrong with a page at either width. */
async function inOrder(page, what) {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(250);
    assert.deepEqual(await sticksOut(page), [], `${what} at ${width}`);
  }
  await audit(page, what);
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** Notes what a page signs, message and signature, and what it sends. */
const noteSignatures = (page) =>
  page.addInitScript(() => {
    [window.signed, window.sent] = [[], []];
    const send = window.fetch;
    window.fetch = async (...asked) => {
      const request = new Request(...asked);
      if (request.method !== 'GET') window.sent.push({ method: request.method, path: new URL(request.url).pathname, body: await request.clone().text() });
      return send(request);
    };
    const sign = crypto.subtle.sign.bind(crypto.subtle);
    crypto.subtle.sign = async (algorithm, key, message) => {
      const signature = await sign(algorithm, key, message);
      window.signed.push([[...new Uint8Array(message)], [...new Uint8Array(signature)]]);
      return signature;
    };
  });

async function toReview(page, id, choice) {
  await page.goto(`/app/elections/${id}/vote`);
  await page.getByLabel(choice).check();
  await button(page, 'Review').click();
}
const ready = (page) => page.getByText('Your ballot is sealed, and not cast yet').waitFor();
const toDecision = async (page) => {
  await ready(page);
  await button(page, 'Go on to the decision').click();
};
const codeIn = (place) => place.locator('[data-code]').getAttribute('data-code');

/** Everything that the page has put into the browser, as text. */
const kept = (page) =>
  page.evaluate(async () => {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open('voting-ballots');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const all = (store) =>
      new Promise((resolve) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
      });
    const pending = (await all('pending')).map(({ bytes, ...rest }) => ({ bytes: [...bytes], rest: Object.keys(rest) }));
    database.close();
    return { pending, local: Object.values({ ...localStorage }).join(' '), session: Object.values({ ...sessionStorage }).join(' ') };
  });

describe('voting', () => {
  it('alice reads who decrypts, tests the seal of a ballot, and votes with another', async () => {
    const { context, page, faults } = await openWindow(browser, app.url);
    await noteSignatures(page);
    const sent = async (which) => (await page.evaluate(() => window.sent)).filter(which).map(({ body }) => JSON.parse(body));
    const puts = () => sent(({ method }) => method === 'PUT');
    const challenges = () => sent(({ path }) => path.endsWith('/challenges'));
    await signIn(page, PEOPLE.alice, `/app/elections/${shed}`);
    await page.getByRole('heading', { name: 'Sealed ballots' }).waitFor();
    await page.getByText('Before the close nobody can know how the election stands').waitFor();
    await page.getByText('3 of 5 trustees decrypt the sums').waitFor();
    const { sealing } = (await api('GET', `/elections/${shed}`)).body;
    for (const { name, fingerprint } of sealing.trustees) {
      await page.getByText(name, { exact: true }).waitFor();
      await page.getByText(fingerprint.match(/.{4}/g).join(' ')).waitFor();
    }
    await inOrder(page, 'page of a sealed election');

    await toReview(page, shed, /^Later/);
    await page.getByText(/\d of 4 authorities have certified it/).waitFor();
    await inOrder(page, 'review of a sealed ballot');
    await toDecision(page);
    const dialog = page.getByRole('dialog');
    const voided = await codeIn(dialog);
    assert.match(voided, /^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
    assert.equal(await dialog.getByText('Later').count(), 0, 'the choice never stands next to the code');
    await inOrder(page, 'decision');
    await inDialog(page, 'Test the seal').click();
    await page.getByRole('heading', { name: 'Test the seal of this ballot?' }).waitFor();
    assert.equal((await challenges()).length, 0, 'nothing is opened before the second question');
    await inOrder(page, 'question before the test');
    await inDialog(page, 'Open this ballot').click();
    await page.getByText('The seal holds').waitFor();
    await page.getByRole('region', { name: 'This ballot held:' }).getByText('Later').waitFor();
    assert.equal(await codeIn(page.locator('main')), voided);
    const opened = await challenges();
    assert.deepEqual(opened.map(({ entry }) => Buffer.from(entry, 'base64')[0]), [7]);
    assert.equal((await puts()).length, 0);
    await inOrder(page, 'outcome of a test');

    // What was tested can never be cast, not even by whoever has it signed.
    const [message, signature] = (await page.evaluate(() => window.signed)).find(([bytes]) => String.fromCharCode(...bytes.slice(1, 17)) === 'voting/ballot/v1');
    const void64 = Buffer.from([...message.slice(17), ...signature]).toString('base64');
    const refused = await api('PUT', `/votes/${shed}`, { ballot: void64 });
    assert.equal(refused.body.code, 'ballot_voided');

    await button(page, 'Go on with a fresh ballot').click();
    await toDecision(page);
    const code = await codeIn(dialog);
    assert.notEqual(code, voided);
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    await page.route('**/votes/*', async (route) => {
      await held;
      await route.continue();
    });
    await inDialog(page, 'Cast my vote').click();
    await page.getByText('Signed here').waitFor();
    const { pending, local, session } = await kept(page);
    assert.deepEqual(pending.map(({ rest }) => rest), [['madeAt']]);
    assert.deepEqual(pending[0].bytes.slice(84, 89), [1, 0, 0, 0, 4], 'one selection, and it is sealed');
    assert.doesNotMatch(local + session, /Later|marks|opening|randomness/);
    letGo();
    await recorded(page);
    await page.getByText('This browser has verified the proof').waitFor();
    assert.equal(await codeIn(page.locator('main')), code);
    assert.deepEqual((await puts()).map((put) => Object.keys(put)), [['ballot']], 'nothing is said in clear');
    assert.equal(await page.locator('main').getByText('Later').count(), 0);
    assert.deepEqual(faults, []);

    await page.goto(`/app/elections/${shed}`);
    await page.getByText('1 seal has been tested').waitFor();
    await context.close();
  });

  it('a gateway that shows another key, another trustee, or proves nothing gets no ballot', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.bob);
    let sent = 0;
    page.on('request', (request) => {
      if (request.method() === 'PUT' || /\/(key|challenges)$/.test(request.url())) sent += 1;
    });
    const other = await (await fetch(`${app.url}/elections/${await demoElection(app.url, 'Board election')}/proof`)).json();
    const real = (await (await fetch(`${app.url}/elections/${shed}/proof`)).json()).proof;
    const broken = Buffer.from(real, 'base64');
    broken[20] ^= 1; // in the context
    const G = 'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76';
    const shows = (change) => async (route) => {
      const answer = await route.fetch();
      const election = await answer.json();
      change(election, election.sealing);
      await route.fulfill({ response: answer, json: election });
    };
    const lies = [
      ['**/elections/*', shows((_, sealing) => (sealing.key = G)), 'another key, or other trustees'],
      ['**/elections/*', shows((_, sealing) => (sealing.trustees[0].name = 'Simulated trustee 6')), 'another key, or other trustees'],
      ['**/elections/*', shows((_, sealing) => (sealing.trustees[0].key = sealing.trustees[1].key)), 'another key, or other trustees'],
      ['**/elections/*', shows((_, sealing) => (sealing.threshold = 1)), 'another key, or other trustees'],
      ['**/elections/*', shows((election) => (election.contests[0].options[0].name = 'Yes!')), 'another key, or other trustees'],
      ['**/elections/*', shows((_, sealing) => delete sealing.key), 'not made yet'],
      ['**/elections/*/proof', (route) => route.fulfill({ json: other }), 'another key, or other trustees'],
      ['**/elections/*/proof', (route) => route.fulfill({ json: { ...other, proof: broken.toString('base64') } }), 'is not proved'],
      ['**/elections/*/proof', (route) => route.fulfill({ json: { ...other, proof: 'AAAA' } }), 'is not proved'],
    ];
    for (const [where, lie, said] of lies) {
      await page.route(where, lie);
      await toReview(page, shed, /^Yes/);
      await page.getByRole('alert').getByText(said).waitFor();
      assert.equal(await button(page, 'Go on to the decision').count(), 0);
      await page.unroute(where);
    }
    assert.equal(sent, 0);
    await inOrder(page, 'refusal to vote');
    await toReview(page, shed, /^Yes/);
    await toDecision(page);
    await inDialog(page, 'Cast my vote').click();
    await recorded(page);
    await context.close();
  });

  it('an opened ballot whose answer is lost is sent again, and what is not what was chosen is called so', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.carol);
    await toReview(page, shed, /^No/);
    await toDecision(page);
    await page.route('**/challenges', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await inDialog(page, 'Test the seal').click();
    await inDialog(page, 'Open this ballot').click();
    await page.getByRole('alert').waitFor();
    await page.unroute('**/challenges');
    await button(page, 'Try again').click();
    await page.getByText('The seal holds').waitFor();

    // A page that seals something else than it shows: here the choice is exchanged on its way to the worker.
    await page.evaluate(() => {
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (task) {
        post.call(this, task.do === 'seal' ? { ...task, selections: [{ marks: [0] }] } : task);
      };
    });
    await button(page, 'Go on with a fresh ballot').click();
    await toDecision(page);
    await inDialog(page, 'Test the seal').click();
    await inDialog(page, 'Open this ballot').click();
    await page.getByText('The seal does not hold').waitFor();
    await page.getByRole('region', { name: 'It held:' }).getByText('Yes').waitFor();
    assert.equal(await button(page, 'Go on with a fresh ballot').count(), 0);
    await inOrder(page, 'a seal that does not hold');
    await context.close();
  });
});

describe('results', () => {
  it('nobody sees how it stands before the close, and the list says that ballots are sealed', async () => {
    const { context, page } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.alice);
    let asked = 0;
    page.on('request', (request) => (asked += /\/results$/.test(request.url()) ? 1 : 0));
    await page.goto(`/app/elections/${shed}/result`);
    await page.getByText('Nobody knows the result yet').waitFor();
    assert.equal(await page.locator('main table, main .bars, main [role=img]').count(), 0);
    assert.doesNotMatch(await page.locator('main').innerText(), /Build it|Yes|Later|votes? counted/);
    assert.equal(asked, 0, 'there is nothing to ask for');
    await inOrder(page, 'result of a sealed election that is open');
    await page.goto(`/app/elections/${shed}/board`);
    await page.getByText('These ballots are sealed').waitFor();
    assert.equal(await page.getByRole('cell', { name: 'Sealed' }).count(), 2);
    await page.getByRole('link', { name: 'Export to verify offline' }).waitFor();
    await inOrder(page, 'list of sealed ballots');
    await context.close();
  });

  it('an administrator closes, trustees decrypt, and the result appears and is published', async () => {
    const { context, page } = await openWindow(browser, app.url);
    const office = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${shed}/result`);
    await signIn(office.page, PEOPLE.admin, `/app/admin/${shed}`);
    await office.page.getByRole('heading', { name: 'Sealed ballots' }).waitFor();
    await inOrder(office.page, 'overview of a sealed election');
    await button(office.page, 'Close voting').click();
    await office.page.getByRole('dialog').getByText('trustees decrypt the sums after this').waitFor();
    await inDialog(office.page, 'Close voting').click();
    await office.page.locator('.timeline [aria-current=step]', { hasText: 'Counted' }).waitFor({ timeout: 60_000 });
    await button(office.page, 'Publish the result').click();
    await inDialog(office.page, 'Publish the result').click();
    await office.page.locator('.timeline [aria-current=step]', { hasText: 'Final result' }).waitFor();
    assert.equal(await office.page.getByText('Has decrypted').count(), 3);
    await page.getByText('Final and verified').waitFor({ timeout: 60_000 });
    await page.getByText('The sums were decrypted by Simulated trustee').waitFor();
    const { contests } = (await api('GET', `/elections/${shed}/results`)).body;
    const votes = Object.fromEntries(contests[0].options.map(({ name, votes }) => [name, votes]));
    assert.deepEqual(votes, { Later: 1, Yes: 1, No: 0 });
    await inOrder(page, 'result of a sealed election');
    await context.close();
    await office.context.close();
  });
});

describe('administration', () => {
  const keys = [];
  it('an election is set up with trustees, who make its key; one stays away and is left out; it is announced', async () => {
    for (const name of ['ann', 'ben', 'cyd']) {
      const file = join(folder, `${name}.key`);
      const { public_key: key, fingerprint } = JSON.parse(await runVoting(app.url, ['trustee', 'keygen', file, '--output', 'json']));
      keys.push({ name, file, key, fingerprint });
    }
    const { context, page, faults } = await openWindow(browser, app.url);
    await signIn(page, PEOPLE.admin, '/app/admin');
    await page.goto('/app/admin/new');
    await page.getByLabel('Title').fill('Sealed assembly');
    await button(page, 'Go on').click();
    await page.getByLabel('The question').fill('Who chairs?');
    await page.getByLabel('Option 1', { exact: true }).fill('Ada');
    await page.getByLabel('Option 2', { exact: true }).fill('Grace');
    await page.getByLabel('How it is counted').selectOption('schulze');
    await step(page, 'Rules');
    await page.getByText('rankings cannot be added up under encryption').waitFor();
    assert.equal(await page.getByLabel(/^Sealed/).isDisabled(), true);
    assert.equal(await page.getByLabel(/^Open/).isChecked(), true);
    await inOrder(page, 'rules of a ranked election');
    await step(page, 'Questions');
    await page.getByLabel('How it is counted').selectOption('plurality');
    await step(page, 'Dates');
    await page.getByLabel(/^An administrator/).check();
    await step(page, 'Voters');
    await page.waitForURL(/\/app\/admin\/[0-9a-f]+\/edit\?step=voters/);
    const id = new URL(page.url()).pathname.split('/')[3];
    await page.getByLabel('A list of voters').fill('email\nalice@example.com\nbob@example.com\ncarol@example.com');
    await button(page, 'Add 3 voters').click();
    await page.getByText('Voters 1 to 3 of 3').waitFor();
    await step(page, 'Rules');
    assert.equal(await page.getByLabel(/^Sealed/).isChecked(), true, 'sealed, unless one says otherwise');
    await page.getByText('These are the trustees of this election office').waitFor();
    assert.equal(await page.getByLabel('Name of trustee 5').inputValue(), 'Simulated trustee 5');
    await inOrder(page, "rules with the office's trustees");
    await button(page, 'Remove all').click();
    await page.getByText('Each of them makes a key on their own machine').waitFor();
    assert.equal(await page.getByLabel('Name of trustee 1').evaluate((field) => field === document.activeElement && field.value === ''), true);
    await step(page, 'Checklist');
    await page.getByText('Sealed ballots need trustees').waitFor();
    await step(page, 'Rules');
    for (const [place, { name, key }] of keys.entries()) {
      if (place > 0) await button(page, 'Add a trustee').click();
      await page.getByLabel(`Name of trustee ${place + 1}`).fill(name);
      await page.getByLabel(`Public key of trustee ${place + 1}`).fill(key);
    }
    assert.equal(await page.getByLabel('Trustees who decrypt').getAttribute('placeholder'), '2');
    await inOrder(page, 'rules of a sealed election');
    await button(page, 'Save and go on').click();
    await page.getByText('Everything is there').waitFor();
    await page.getByText('2 of 3 trustees decrypt').waitFor();
    await inOrder(page, 'checklist of a sealed election');
    await button(page, 'Begin the key ceremony').click();
    await inDialog(page, 'Begin the key ceremony').click();

    await page.getByText('Step 1 of 6').waitFor();
    await page.getByText('Waiting for ann, ben, cyd.').waitFor();
    assert.equal(await button(page, 'Announce the election').getAttribute('aria-disabled'), 'true');
    assert.equal(await page.getByRole('link', { name: `/app/trustee/${id}` }).getAttribute('href'), `/app/trustee/${id}`, 'to be passed on');
    await inOrder(page, 'ceremony');
    const attends = ({ file }, ...more) => runVoting(app.url, ['trustee', 'ceremony', id, '--key', file, '--yes', ...more]);
    await attends(keys[0], '--once');
    await attends(keys[1], '--once');
    await page.getByText('Waiting for cyd.').waitFor();
    await page.getByRole('button', { name: 'Leave out those who are awaited: cyd' }).click();
    await page.getByRole('dialog').getByText('Then 2 are left, and 2 must decrypt.').waitFor();
    await inDialog(page, 'Leave out').click();
    await page.getByText('Step 2 of 6').waitFor();
    await Promise.all([attends(keys[0]), attends(keys[1])]);
    await page.getByText('The key is made.').waitFor();
    await page.getByText('Left out').first().waitFor();
    await inOrder(page, 'ceremony that is done');
    await button(page, 'Announce the election').click();
    await inDialog(page, 'Announce the election').click();
    await page.locator('.timeline [aria-current=step]', { hasText: 'Scheduled' }).waitFor();
    await button(page, 'Open voting').click();
    await inDialog(page, 'Open voting').click();
    await page.locator('.timeline [aria-current=step]', { hasText: 'Open' }).waitFor();
    const election = (await api('GET', `/elections/${id}`)).body;
    assert.deepEqual(election.sealing.trustees.map(({ active }) => active), [true, true, false]);
    assert.deepEqual([election.sealing.threshold, election.sealing.min_ballots], [2, 3]);
    await button(page, 'Close voting').click();
    await inDialog(page, 'Close voting').click();
    await page.getByText('Only 0 ballots count').waitFor();
    await inOrder(page, 'too few ballots');
    assert.deepEqual(faults, []);
    await context.close();

    // Trustees find the same with their files, from the ballots themselves; who was left out is told.
    const trustee = await openWindow(browser, app.url);
    const load = (file) => trustee.page.getByLabel('Your key file', { exact: true }).setInputFiles(file);
    await trustee.page.goto(`/app/trustee/${id}`);
    await load(keys[0].file);
    await button(trustee.page, 'Verify and add up').click();
    await trustee.page.getByText('Only 0 ballots count, and sums of fewer than 3 say too much about each.').waitFor({ timeout: 60_000 });
    assert.equal(await button(trustee.page, 'Decrypt my part').count(), 0);
    await inOrder(trustee.page, 'a trustee with too few ballots');
    await trustee.page.goto('/app/elections');
    await trustee.page.goto(`/app/trustee/${id}`);
    await load(keys[2].file);
    await trustee.page.getByText('The ceremony goes on without you').waitFor();
    assert.equal(await button(trustee.page, 'Verify and add up').count(), 0);
    await inOrder(trustee.page, 'a trustee who was left out');
    assert.deepEqual(trustee.faults, []);
    await trustee.context.close();
  });
});
