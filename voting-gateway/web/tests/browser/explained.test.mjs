// How a result came about, in words: ties, strongest paths and comparisons, checked against what the API says.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { audit } from './audit.mjs';
import { bltOf, call, importElection, openWindow, startApp, startBrowser, sticksOut } from './harness.mjs';

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dan'];
/** Ada beats Ben, Ben beats Cleo, Cleo beats Ada, equally clearly; everybody beats Dan. */
const CIRCLE = bltOf(NAMES, 1, [[3, 1, 2, 3, 4], [3, 2, 3, 1, 4], [3, 3, 1, 2, 4]]);
/** Dan goes out first; then Ben and Cleo are level, and Cleo had fewer first preferences. */
const EARLIER = bltOf(NAMES, 1, [[6, 1], [3, 2, 1], [2, 3, 1], [1, 4, 3]]);
/** Ada and Ben reach the quota with the same surplus; then Cleo and Dan are level in last place. */
const SURPLUS = bltOf([...NAMES, 'Eva'], 3, [[6, 1, 5], [6, 2, 5], [2, 3], [2, 4], [3, 5]]);
/** Ada and Ben have the same votes for one seat. */
const LEVEL = bltOf(NAMES, 1, [[3, 1], [3, 2], [1, 3]]);
const MANY = Array.from({ length: 10 }, (_, n) => `Option ${n + 1}`);
/** More options than are shown unfolded. */
const WIDE = bltOf(MANY, 1, [[2, ...MANY.map((_, n) => n + 1)], [1, ...MANY.map((_, n) => 10 - n)]]);

const KINDS = { circle: ['ranked-pairs', CIRCLE], schulze: ['schulze', CIRCLE], earlier: ['scottish-stv', EARLIER], surplus: ['scottish-stv', SURPLUS], level: ['plurality', LEVEL], wide: ['schulze', WIDE] };
const list = new Intl.ListFormat('en-GB');
let app, browser;
const results = {};
before(async () => {
  app = await startApp();
  browser = await startBrowser();
  for (const [kind, [method, blt]] of Object.entries(KINDS)) {
    const id = await importElection(app.url, method, { blt });
    const { contests } = await call(app.url, 'GET', `/elections/${id}/results`);
    results[kind] = { path: `/app/elections/${id}/result`, contest: contests[0] };
  }
});
after(async () => {
  await browser?.close();
  app?.stop();
});

const nameOf = (contest, place) => contest.options.find(({ id }) => id === `0-${place}`).name;
const namesOf = (contest, places) => list.format(places.map((place) => nameOf(contest, place)));
const fold = (page, title) => page.locator('details.more').filter({ has: page.locator('summary', { hasText: title }) });
const linesOf = (page, title) => fold(page, title).locator('li').allTextContents();

async function openResult(kind, options) {
  const { context, page, faults } = await openWindow(browser, app.url, options);
  await page.goto(results[kind].path);
  await page.locator('.result-grid table').waitFor();
  return { context, page, faults, contest: results[kind].contest };
}

/** The figures of a matrix as they are shown, and which of them are bold. */
async function matrixOf(page, title) {
  const rows = await fold(page, title).locator('tbody tr').evaluateAll((lines) =>
    lines.map((line) => [...line.querySelectorAll('td')].map((cell) => [cell.textContent, Number(getComputedStyle(cell).fontWeight) >= 700])),
  );
  return rows;
}
const shownOf = (cells) =>
  cells.map((row, a) => row.map((figure, b) => [a === b ? '–' : String(figure), a !== b && figure > cells[b][a]]));

describe('how a result came about', () => {
  it('says that a lot decided between the elected and the next', async () => {
    const { context, page, contest } = await openResult('level');
    const [tie] = contest.ties;
    assert.deepEqual([contest.ties.length, tie.purpose, tie.by, tie.options], [1, 'election', 'lot', [0, 1]]);
    assert.deepEqual(await linesOf(page, 'One tie, and how it was decided'), [
      `Ada and Ben were level, and not all of them could be elected. Picked: ${namesOf(contest, tie.picked)}. The lot decided; anyone can draw it again.`,
    ]);
    await audit(page, 'a tie');
    await context.close();
  });

  it('says that an earlier step decided who was excluded', async () => {
    const { context, page, contest } = await openResult('earlier');
    const [tie] = contest.ties;
    assert.deepEqual([tie.purpose, tie.by, tie.round, tie.decided_in, tie.picked], ['exclusion', 'earlier-round', 1, 0, [2]]);
    assert.deepEqual(await linesOf(page, 'how it was decided'), [
      'Step 2: Ben and Cleo were level in last place. Excluded: Cleo. What decided was how they stood in step 1.',
    ]);
    await context.close();
  });

  it('tells ties about surpluses, exclusions and the mere order apart', async () => {
    const { context, page, contest } = await openResult('surplus');
    const said = {
      exclusion: (tie) => `${namesOf(contest, tie.options)} were level in last place. Excluded: ${namesOf(contest, tie.picked)}.`,
      surplus: (tie) => `${namesOf(contest, tie.options)} had surpluses of the same size. Passed on first: the one of ${namesOf(contest, tie.picked)}.`,
      order: (tie) => `${namesOf(contest, tie.options)} were level. Named first: ${namesOf(contest, tie.picked)}. Nobody won or lost a seat by it.`,
    };
    assert.deepEqual(new Set(contest.ties.map((tie) => tie.purpose)), new Set(Object.keys(said)));
    const expected = contest.ties.map((tie) => `Step ${tie.round + 1}: ${said[tie.purpose](tie)} ${tie.by === 'lot' ? 'The lot decided; anyone can draw it again.' : `What decided was how they stood in step ${tie.decided_in + 1}.`}`);
    assert.deepEqual(await linesOf(page, 'how they were decided'), expected);
    await context.close();
  });

  it('shows Schulze’s strongest paths beside the pairs', async () => {
    for (const kind of ['schulze', 'wide']) {
      const { context, page, contest } = await openResult(kind);
      assert.deepEqual(await matrixOf(page, 'Every pair compared'), shownOf(contest.pairs.preferences));
      assert.deepEqual(await matrixOf(page, 'Strongest paths'), shownOf(contest.pairs.paths));
      await context.close();
    }
    const { contest } = results.schulze;
    assert.notDeepEqual(contest.pairs.paths, contest.pairs.preferences, 'paths say more than pairs');
  });

  it('lists the comparisons of ranked pairs in order, and which one closes a circle', async () => {
    const { context, page, contest, faults } = await openResult('circle');
    const { locked, preferences } = contest.pairs;
    const sentence = ([a, b]) => `${nameOf(contest, a)} beats ${nameOf(contest, b)}, ${preferences[a][b]} to ${preferences[b][a]}`;
    const part = fold(page, 'in which they count');
    assert.deepEqual(await part.locator('ol li').allTextContents(), locked.map(sentence));
    const out = [[0, 1], [1, 2], [2, 0]].filter(([a, b]) => !locked.some(([winner, loser]) => winner === a && loser === b));
    assert.equal(out.length, 1);
    assert.deepEqual(await part.locator('ul li').allTextContents(), out.map(sentence));
    const [tie] = contest.ties;
    assert.deepEqual(await linesOf(page, 'One tie'), [
      `Several comparisons between Ada, Ben and Cleo were equally clear. Taken first: one that ${namesOf(contest, tie.picked)} won. The lot decided; anyone can draw it again.`,
    ]);
    assert.deepEqual(faults, []);
    await context.close();
  });

  it('is said in German, passes the audit in each theme, and fits a phone', async () => {
    for (const theme of ['light', 'dark', 'contrast']) {
      const { context, page } = await openResult('circle', { locale: 'de-DE', theme, viewport: { width: 320, height: 568 } });
      await page.getByText('Vergleiche in der Reihenfolge, in der sie zählen').waitFor();
      await page.getByText(/Mehrere Vergleiche zwischen Ada, Ben und Cleo waren gleich deutlich\./).waitFor();
      await page.getByText(/(Ada|Ben|Cleo) schlägt Dan, 9 zu 0/).first().waitFor();
      await audit(page, theme);
      assert.deepEqual(await sticksOut(page), []);
      await page.goto(results.wide.path);
      await page.getByText('Stärkste Wege').click();
      await page.getByText('Ein Weg führt über gewonnene Vergleiche').waitFor();
      await audit(page, `paths, ${theme}`);
      assert.deepEqual(await sticksOut(page), []);
      await context.close();
    }
  });

  it('is all on paper, also what the screen folds up', async () => {
    const { context, page } = await openResult('wide');
    const caption = page.getByText('A path leads from one option to another');
    assert.equal(await caption.isVisible(), false);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await caption.isVisible(), true);
    assert.ok((await page.locator('.pairs').last().boundingBox()).height > 300);
    await context.close();
  });
});
