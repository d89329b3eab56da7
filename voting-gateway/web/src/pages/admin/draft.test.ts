import { describe, expect, it } from 'vitest';
import type { Election } from '../../api/types';
import { draftIssues, publishIssues } from './checklist';
import { contestOf, draftFrom, isSame, isSealed, moved, newDraft, newOption, newTrustee, toApi, trusteesOf, whyOpen, type Draft, type QuestionDraft } from './draft';
import { METHODS } from '../../ballot/definition';
import { settable } from './methods';
import { toUtc, toWall } from './zones';

const NOW = Date.parse('2030-01-01T12:00:00Z');
const ZONE = 'Europe/Berlin';

const options = (...names: string[]) => names.map((name) => ({ ...newOption(), name }));

function draft(question: Partial<QuestionDraft> = {}, news: Partial<Draft> = {}): Draft {
  const empty = newDraft(ZONE, NOW);
  const [first] = empty.questions as [QuestionDraft];
  return { ...empty, title: 'Board', questions: [{ ...first, title: 'Who?', options: options('Ada', 'Bob', 'Eve'), ...question }], ...news };
}

const keyOf = (place: number): string => String(place % 10).repeat(64);
const trustees = (...names: string[]) => names.map((name, place) => ({ ...newTrustee(), name, publicKey: keyOf(place) }));
const sealedBy = (...names: string[]): Partial<Draft> => ({ secrecy: 'sealed', trustees: trustees(...names) });

/** What the API would answer. */
function answer(sent: Draft): Election {
  const api = toApi(sent);
  return { ...api, contests: sent.questions.map(contestOf), description: api.description ?? '' } as unknown as Election;
}

const codes = (sent: Draft) => draftIssues(sent, NOW).map(({ code }) => code);

describe('a draft', () => {
  it('says to the API what it means', () => {
    expect(toApi(draft({ method: 'score', maxScore: 10, quorum: 20, majority: 'simple' }, { title: ' Board ' }))).toEqual({
      title: 'Board',
      description: '',
      start_date: '2030-01-02T07:00:00.000Z',
      end_date: '2030-01-09T19:00:00.000Z',
      timing: 'fixed',
      results: 'voters',
      revote: 'first-counts',
      secrecy: 'open',
      contests: [
        {
          title: 'Who?',
          method: 'score',
          options: ['Ada', 'Bob', 'Eve'].map((name) => ({ name, description: '' })),
          seats: 1,
          min: 1,
          max: 3,
          allow_blank: true,
          max_score: 10,
          majority: 'simple',
          quorum_percent: 20,
          withdrawn: [],
        },
      ],
    });
  });

  it.each(METHODS)('comes back from the API as it was: %s', (method) => {
    const sent = draft({ method, seats: method === 'instant-runoff' ? null : 2, max: method === 'approval' ? 2 : null });
    const back = draftFrom(answer(sent), 'Asia/Kathmandu');
    expect(toApi(back)).toEqual(toApi(sent));
    expect(isSame(back, sent)).toBe(true);
  });

  it.each(METHODS)('sends nothing that the method does not take: %s', (method) => {
    const contest = contestOf({ ...(draft().questions[0] as QuestionDraft), method, seats: 2, min: 2, max: 2, maxScore: 9, majority: 'simple', quorum: 50 });
    const takes = settable(method);
    expect(contest.seats).toBe(takes.seats ? 2 : 1);
    expect(contest.min).toBe(takes.limits ? 2 : 1);
    expect(contest.max_score).toBe(takes.maxScore ? 9 : 0);
    expect(contest.thresholds).toEqual(takes.thresholds ? { majority: 'simple', quorum_percent: 50 } : { majority: 'most-votes', quorum_percent: 0 });
  });

  it('is sealed by its trustees, with the usual numbers filled in', () => {
    const sent = draft({}, { ...sealedBy('Ann', ' Ben ', '', 'Cyd'), trustees: [...trustees('Ann', ' Ben '), newTrustee(), ...trustees('Cyd')] });
    expect(toApi(sent)).toMatchObject({
      secrecy: 'sealed',
      sealing: { threshold: 2, min_ballots: 3, trustees: [{ name: 'Ann', key: keyOf(0) }, { name: 'Ben', key: keyOf(1) }, { name: 'Cyd', key: keyOf(0) }] },
    });
    const back = draftFrom(answer(sent), ZONE);
    expect(isSame(back, sent)).toBe(true);
    expect([back.threshold, back.minBallots]).toEqual([null, null]);
    const pasted = draft({}, { trustees: [{ ...newTrustee(), name: 'Ann', publicKey: ` ${'AB'.repeat(16)}\n${'cd'.repeat(16)} ` }] });
    expect(toApi(pasted).sealing?.trustees).toEqual([{ name: 'Ann', key: 'ab'.repeat(16) + 'cd'.repeat(16) }]);
  });

  it("is sealed by the office's trustees, unless others are named", () => {
    const office = { threshold: 2, min_ballots: 5, trustees: ['Ann', 'Ben'].map((name, place) => ({ name, key: keyOf(place) })) };
    const sent = { ...draft(), ...newDraft(ZONE, NOW, office), title: 'Board', questions: draft().questions };
    expect(toApi(sent)).toMatchObject({ secrecy: 'sealed', sealing: office });
    expect([sent.threshold, sent.minBallots]).toEqual([null, 5]);
    const open = answer(draft({}, { secrecy: 'open' }));
    expect(trusteesOf(draftFrom(open, ZONE, office))).toEqual(office.trustees);
    expect(trusteesOf(draftFrom(answer(draft({}, sealedBy('Cyd'))), ZONE, office))).toEqual([{ name: 'Cyd', key: keyOf(0) }]);
  });

  it('is kept open while its trustees are missing, and cannot be published so', () => {
    const waiting = draft();
    expect(waiting.secrecy).toBe('sealed');
    expect(toApi(waiting)).toMatchObject({ secrecy: 'open' });
    expect(toApi(waiting)).not.toHaveProperty('sealing');
    expect(publishIssues(waiting, NOW, { onRoll: 1, waiting: false })).toEqual([{ step: 'rules', code: 'noTrustees' }]);
  });

  it.each(METHODS)('is never sealed where rankings are asked for: %s', (method) => {
    const ranked = /stv|runoff|schulze|pairs|borda/.test(method);
    const sent = draft({ method }, sealedBy('Ann'));
    expect(whyOpen(sent)).toBe(ranked ? 'ranking' : null);
    expect(isSealed(sent)).toBe(!ranked);
    expect(toApi(sent).secrecy).toBe(ranked ? 'open' : 'sealed');
  });

  it('is not sealed where it is limited how many options are scored', () => {
    expect(whyOpen(draft({ method: 'score', max: 2 }))).toBe('scored');
    expect(whyOpen(draft({ method: 'score', min: 2 }))).toBe('scored');
    expect(whyOpen(draft({ method: 'score' }))).toBeNull();
  });

  it('leaves out empty options and keeps withdrawn ones in their place', () => {
    const [ada, bob] = options('Ada', 'Bob');
    const contest = contestOf({ ...(draft().questions[0] as QuestionDraft), options: [...options(' '), { ...ada!, withdrawn: true }, bob!] });
    expect(contest.options.map(({ name }) => name)).toEqual(['Ada', 'Bob']);
    expect(contest.withdrawn).toEqual([0]);
  });

  it('moves members and leaves the ends alone', () => {
    expect(moved([1, 2, 3], 0, 2)).toEqual([2, 3, 1]);
    expect(moved([1, 2, 3], 2, 1)).toEqual([1, 3, 2]);
    expect(moved([1, 2, 3], 0, -1)).toEqual([1, 2, 3]);
    expect(moved([1, 2, 3], 2, 3)).toEqual([1, 2, 3]);
  });
});

describe('times of a zone', () => {
  it('are the moments at which its clocks show them', () => {
    expect(toUtc('2030-01-02T08:00', ZONE)).toBe('2030-01-02T07:00:00.000Z');
    expect(toUtc('2030-07-02T08:00', ZONE)).toBe('2030-07-02T06:00:00.000Z');
    expect(toUtc('2030-07-02T08:00', 'Asia/Kathmandu')).toBe('2030-07-02T02:15:00.000Z');
    expect(toUtc('2030-07-02T08:00', 'Pacific/Kiritimati')).toBe('2030-07-01T18:00:00.000Z');
    expect(toWall(new Date('2030-01-01T23:30:00Z'), ZONE)).toBe('2030-01-02T00:30');
  });

  it('do not exist while the clocks go forward, and are the first of two while they go back', () => {
    expect(toUtc('2030-03-31T02:30', ZONE)).toBeNull();
    expect(toUtc('2030-10-27T02:30', ZONE)).toBe('2030-10-27T00:30:00.000Z');
    for (const none of ['', '2030-13-01T00:00', 'tomorrow']) expect(toUtc(none, ZONE)).toBeNull();
  });
});

describe('the checklist', () => {
  it('finds nothing in what is complete', () => {
    expect(codes(draft())).toEqual([]);
    expect(publishIssues(draft({}, { secrecy: 'open' }), NOW, { onRoll: 1, waiting: false })).toEqual([]);
    expect(publishIssues(draft({}, sealedBy('Ann', 'Ben', 'Cyd')), NOW, { onRoll: 3, waiting: false })).toEqual([]);
  });

  it('finds what an empty draft lacks, step by step', () => {
    expect(publishIssues(newDraft(ZONE, NOW), NOW, { onRoll: 0, waiting: false }).map(({ step, code }) => `${step} ${code}`)).toEqual([
      'basics title',
      'questions questionTitle',
      'questions noOption',
      'voters noVoters',
      'rules noTrustees',
    ]);
    expect(publishIssues(draft({}, { secrecy: 'open' }), NOW, { onRoll: 3, waiting: true }).map(({ code }) => code)).toEqual(['listWaits']);
  });

  it.each<[string, Partial<QuestionDraft>]>([
    ['sameOption', { options: options('Ada', 'Bob', 'Ada ') }],
    ['longName', { options: options('ä'.repeat(151)) }],
    ['limits', { method: 'approval', min: 3, max: 2 }],
    ['limits', { method: 'approval', max: 4 }],
    ['limits', { method: 'approval', max: 1.5 }],
    ['seats', { seats: 4 }],
    ['seats', { seats: 0 }],
    ['score', { method: 'score', maxScore: 101 }],
    ['quorum', { quorum: 101 }],
  ])('finds %s in %j', (code, question) => {
    expect(codes(draft(question))).toEqual([code]);
  });

  it.each<[string, Partial<Draft>]>([
    ['trusteeName', { trustees: [...trustees('Ann'), { ...newTrustee(), publicKey: keyOf(5) }] }],
    ['trusteeKey', { trustees: [{ ...newTrustee(), name: 'Ann', publicKey: 'abc' }] }],
    ['sameTrustee', { trustees: [...trustees('Ann', 'Ann')] }],
    ['sameTrustee', { trustees: [...trustees('Ann'), { ...newTrustee(), name: 'Ben', publicKey: keyOf(0) }] }],
    ['threshold', { trustees: trustees('Ann', 'Ben'), threshold: 3 }],
    ['threshold', { trustees: trustees('Ann', 'Ben'), threshold: 0 }],
    ['minBallots', { trustees: trustees('Ann', 'Ben'), minBallots: 0 }],
  ])('finds %s among trustees', (code, news) => {
    expect(codes(draft({}, news))).toEqual([code]);
    expect(codes(draft({ method: 'borda' }, news))).toEqual([]);
  });

  it('finds times that cannot be', () => {
    expect(codes(draft({}, { opens: '', closes: '2030-01-03T08:00' }))).toEqual(['opens']);
    expect(codes(draft({}, { closes: '' }))).toEqual(['closes']);
    expect(codes(draft({}, { closes: '2030-01-02T07:00' }))).toEqual(['order']);
    const over = { opens: '2029-01-01T08:00', closes: '2029-01-02T08:00' };
    expect(codes(draft({}, over))).toEqual(['past']);
    expect(codes(draft({}, { ...over, timing: 'officer' }))).toEqual([]);
  });

  it('allows lists more seats than there are lists', () => {
    expect(codes(draft({ method: 'dhondt', seats: 101 }))).toEqual([]);
  });
});
