import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDeployment } from './deployment.mjs';
import { demoElection, openElection, openWindow, PEOPLE, signIn, startBrowser, tokenOf } from './harness.mjs';

let network, browser;
before(async () => {
  [network, browser] = await Promise.all([startDeployment(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await network?.stop();
});

/** Positions of the frames of a channel, and of the ballots in them, as the page gets them. */
function listen(page, aspect) {
  const heard = { frames: [], sockets: 0, ballots: [] };
  page.on('websocket', (socket) => {
    heard.sockets++;
    socket.on('framereceived', ({ payload }) => {
      const frame = JSON.parse(payload);
      if (!frame.ch?.endsWith(`:${aspect}`)) return;
      heard.frames.push(frame);
      for (const ballot of frame.data?.ballots ?? []) heard.ballots.push(ballot.position);
    });
  });
  return heard;
}

async function castIn(page, title, choice) {
  await page.goto('/app/elections');
  await page.getByRole('link', { name: `Vote in ${title}` }).click();
  await page.getByRole('link', { name: 'Start voting' }).click();
  await page.getByLabel(choice, { exact: true }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cast my vote' }).click();
  await page.getByRole('heading', { level: 1, name: 'Your vote is recorded' }).waitFor();
}

const below = (a, b) => {
  const [[ah, ai], [bh, bi]] = [a, b].map((position) => position.split('.').map(Number));
  return ah - bh || ai - bi;
};

describe('two gateways', () => {
  it('a vote in one window moves the open result in a window at the other gateway', async () => {
    const id = await demoElection(network.urls[1], 'Evening for the weekly meeting');
    const watching = await openWindow(browser, network.urls[1]);
    await signIn(watching.page, PEOPLE.carol, `/app/elections/${id}/result`);
    await watching.page.getByText('0 of 3').first().waitFor();
    const voting = await openWindow(browser, network.urls[0]);
    await signIn(voting.page, PEOPLE.bob);
    const moved = watching.page.getByText('1 of 3').first().waitFor().then(() => Date.now());
    const recorded = castIn(voting.page, 'Evening for the weekly meeting', 'Tuesday').then(() => Date.now());
    const [seen, told] = await Promise.all([moved, recorded]);
    console.log(`the other gateway's window moved ${seen - told} ms after the voter was told`);
    assert.deepEqual([...watching.faults, ...voting.faults], []);
    await watching.context.close();
    await voting.context.close();
  });

  it('the clients of a killed gateway go on at the other, without a gap or a repetition', async () => {
    const admin = await tokenOf(network.urls[1], PEOPLE.admin);
    const title = 'Through a failure';
    const id = await openElection(network.urls[1], admin, { title, candidates: ['Ada', 'Bob'] });
    const { context, page, faults } = await openWindow(browser, network.balanced);
    const heard = listen(page, 'board');
    await signIn(page, PEOPLE.alice, `/app/elections/${id}/board`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const other = await openWindow(browser, network.urls[1]);
    await signIn(other.page, PEOPLE.bob);
    await castIn(other.page, title, 'Ada');
    await until(() => heard.ballots.length === 1);
    const sockets = heard.sockets;

    await network.killGateway(0);
    const third = await openWindow(browser, network.urls[1]);
    await signIn(third.page, PEOPLE.carol);
    await castIn(third.page, title, 'Bob'); // while alice's window may still be looking for a gateway
    await until(() => heard.ballots.length === 2);
    assert.ok(heard.sockets > sockets, 'the first connection was lost');
    const events = heard.frames.filter((frame) => frame.t === 'event');
    for (const [before, next] of events.slice(1).map((frame, n) => [events[n], frame])) {
      assert.ok(below(next.prev, before.pos) <= 0, `a gap between ${before.pos} and ${next.prev}`);
    }
    assert.ok(below(heard.ballots[0], heard.ballots[1]) < 0);
    const ledger = await fetch(`${network.urls[1]}/elections/${id}/events`).then((answer) => answer.json());
    const ballots = ledger.events.filter((event) => event.type === 'ballot').map((event) => event.position);
    assert.deepEqual(heard.ballots, ballots);

    // She can vote on: her session is good at the other gateway.
    await castIn(page, title, 'Ada');
    assert.deepEqual(faults, []);
    for (const window of [other, third]) await window.context.close();
    await context.close();
  });
});

async function until(condition) {
  const end = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not in time: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20)); // between two looks
  }
}
