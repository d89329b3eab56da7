// A ballot on its way: what the page shows between sending it and its receipt.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
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

const AUTHORITIES = ['authority-0', 'authority-1', 'authority-2', 'authority-3'];

/** Stands between page and gateway: passes all frames on, except those of ballots where `instead` says something else. */
async function between(page, instead = () => undefined) {
  const heard = { sent: [], came: [], tell: undefined };
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    heard.tell = (frame) => socket.send(JSON.stringify({ v: 1, ...frame }));
    socket.onMessage((message) => {
      heard.sent.push(JSON.parse(message));
      server.send(message);
    });
    server.onMessage((message) => {
      const frame = JSON.parse(message);
      heard.came.push(frame);
      if (!frame.ch?.startsWith('ballot:')) return socket.send(message);
      const other = instead(frame);
      if (other !== null) socket.send(other ? JSON.stringify(other) : message);
    });
  });
  return heard;
}

/** Holds back what the gateway answers about ballots until it is called. */
async function holdAnswers(page) {
  let letGo;
  const gone = new Promise((resolve) => (letGo = resolve));
  for (const path of ['**/votes/*', '**/ballots/**']) {
    await page.route(path, async (route) => {
      const answer = await route.fetch();
      await gone;
      await route.fulfill({ response: answer }).catch(() => undefined);
    });
  }
  return letGo;
}

async function cast(page, id) {
  await page.goto(`/app/elections/${id}/vote`);
  await page.getByLabel('Ada', { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
}

async function openQuick() {
  const window = await openWindow(browser, app.url);
  window.page.setDefaultTimeout(10_000);
  return window;
}

const fresh = (title) => openElection(app.url, admin, { title, candidates: ['Ada', 'Bob'] });
const filled = (page) => page.locator('.progress .ring-arc.is-filled').count();
const stage = (page) => page.locator('.stages [aria-current=step]');
const channelsOf = (frames, t) => frames.filter((frame) => frame.t === t && frame.ch.startsWith('ballot:')).map(({ ch }) => ch);

async function until(holds) {
  for (const start = Date.now(); !holds(); await new Promise((resolve) => setTimeout(resolve, 20))) assert.ok(Date.now() < start + 10_000, String(holds));
}

describe('a ballot on its way', () => {
  it('fills the ring as authorities agree, never back, and is recorded by the receipt alone', async () => {
    const id = await fresh('Filling');
    const { context, page, faults } = await openQuick();
    let ch;
    const heard = await between(page, (frame) => {
      ch = frame.ch;
      return null; // the test tells it
    });
    await signIn(page, PEOPLE.alice);
    const letGo = await holdAnswers(page);
    await cast(page, id);
    await page.getByText('0 of 4 authorities agree; 3 are needed').waitFor();
    await until(() => ch !== undefined);
    let position = 0;
    const tell = (t, agreed, word = 'pending') => {
      const data = { ballot_hash: ch.slice('ballot:'.length), stage: word, agreed, authorities: AUTHORITIES, quorum: 3 };
      const [prev, pos] = [`${position}.0`, `${++position}.0`];
      heard.tell(t === 'snapshot' ? { t, ch, pos, data } : { t, ch, prev, pos, type: 'progress', data });
    };
    tell('snapshot', ['authority-2']);
    await page.getByText('1 of 4 authorities agree').waitFor();
    assert.equal(await filled(page), 1);
    assert.match(await stage(page).textContent(), /authorities agree/);
    tell('event', ['authority-0', 'authority-2']);
    await page.getByText('2 of 4 authorities agree').waitFor();
    await audit(page, 'on its way');
    tell('event', ['authority-3']);
    await page.getByText('3 of 4 authorities agree').waitFor();
    tell('event', [], 'unknown');
    tell('event', AUTHORITIES);
    await page.getByText('4 of 4 authorities agree').waitFor();
    assert.equal(await filled(page), 4);
    // All agree, and it is not recorded yet.
    assert.match(await stage(page).textContent(), /^Recorded/);
    assert.equal(new URL(page.url()).pathname, `/app/elections/${id}/vote`);
    letGo();
    await page.waitForURL('**/receipt');
    await page.getByText('This browser has verified the proof').waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('is followed from the sending to the outcome, and no longer', async () => {
    const id = await fresh('Following');
    const { context, page } = await openQuick();
    const heard = await between(page);
    await signIn(page, PEOPLE.bob);
    await page.goto(`/app/elections/${id}/vote`);
    const letGo = await holdAnswers(page);
    await cast(page, id);
    // The gateway tells of the real ballot that it is final, before the page has its answer.
    await page.getByText('3 of 4 authorities agree').or(page.getByText('4 of 4 authorities agree')).waitFor();
    assert.match(await stage(page).textContent(), /^Recorded|authorities agree/);
    await until(() => heard.came.some(({ ch, data }) => ch?.startsWith('ballot:') && data.stage === 'final'));
    letGo();
    await page.waitForURL('**/receipt');
    await until(() => channelsOf(heard.sent, 'unsubscribe').length > 0);
    const [channel, ...others] = channelsOf(heard.sent, 'subscribe');
    assert.match(channel, /^ballot:[0-9a-f]{64}$/);
    assert.deepEqual(others, []);
    assert.deepEqual(channelsOf(heard.sent, 'unsubscribe'), [channel]);
    const told = heard.came.filter((frame) => frame.ch === channel).map((frame) => frame.data);
    assert.ok(told.every((data) => data.ballot_hash === channel.slice('ballot:'.length)));
    assert.equal(told.at(-1).stage, 'final');
    await context.close();
  });

  it('is shown without greys and squeezed marks: in the contrast theme on a phone', async () => {
    const id = await fresh('Contrast');
    const { context, page } = await openWindow(browser, app.url, { theme: 'contrast', viewport: { width: 320, height: 568 } });
    page.setDefaultTimeout(10_000);
    await between(page, () => null); // nobody agrees while it is looked at
    await signIn(page, PEOPLE.alice);
    await page.goto(`/app/elections/${id}/vote`);
    assert.equal(await page.getByLabel('Ada', { exact: true }).evaluate((box) => getComputedStyle(box).colorScheme), 'light', 'a white box on black');
    const letGo = await holdAnswers(page);
    await cast(page, id);
    await page.getByText('0 of 4 authorities agree').waitFor();
    const strokes = await page.locator('.progress .ring-arc').evaluateAll((arcs) => arcs.map((arc) => [getComputedStyle(arc).stroke, getComputedStyle(arc).strokeWidth]));
    assert.deepEqual(strokes[0], ['rgb(255, 255, 255)', '2px']);
    const marks = await page.locator('.stage-mark').evaluateAll((all) => all.map((mark) => mark.getBoundingClientRect()).map(({ width, height }) => Math.round(width - height)));
    assert.deepEqual(marks, [0, 0, 0, 0]);
    letGo();
    await page.waitForURL('**/receipt');
    await context.close();
  });

  it('is cast all the same by a gateway that does not tell', async () => {
    const id = await fresh('Silent');
    const { context, page } = await openQuick();
    let refusals = 0;
    await between(page, (frame) => (frame.t === 'snapshot' ? ((refusals += 1), { v: 1, t: 'error', id: frame.ch, ch: frame.ch, code: 'unknown_channel', detail: 'no such channel', retry: false }) : null));
    await signIn(page, PEOPLE.carol);
    const letGo = await holdAnswers(page);
    await cast(page, id);
    await page.getByText('0 of 4 authorities agree').waitFor();
    await until(() => refusals > 0);
    letGo();
    await page.waitForURL('**/receipt');
    await page.getByText('This browser has verified the proof').waitFor();
    assert.equal(refusals, 1);
    await context.close();
  });
});
