/**
 * A worker verifies and its page fetches: the page has the session, and its answers are believed as little as the gateway's.
 */
import { Problem, problemFrom } from '../api/problem';
import type { Ask } from './board';
import { type Check, Fault } from './fault';
import type { Progress } from './everything';

/** What a worker says to its page besides its own answers. */
export type FromWorker<Answer> =
  | { say: 'ask'; number: number; path: string }
  | { say: 'progress'; progress: Progress }
  | { say: 'answer'; answer: Answer }
  | { say: 'fault'; check: Check; code: string; details: Fault['details']; ballots: string[] }
  | { say: 'problem'; problem: { code: string; status: number; detail: string } };

/** What the page answers to a question. */
export type Answered = { number: number; bytes: Uint8Array<ArrayBuffer> | null } | { number: number; problem: { code: string; status: number; detail: string } };

export type Fetch = (path: string) => Promise<Uint8Array<ArrayBuffer> | null>;

const plain = (error: unknown) => {
  const { code, status, detail } = problemFrom(error);
  return { code, status, detail };
};

/** The worker's side. */
export class Asking {
  private waiting = new Map<number, { resolve: (bytes: Uint8Array | null) => void; reject: (problem: Problem) => void }>();
  private number = 0;

  readonly ask: Ask = (path) => {
    this.number += 1;
    const { number } = this;
    postMessage({ say: 'ask', number, path } satisfies FromWorker<never>);
    return new Promise((resolve, reject) => this.waiting.set(number, { resolve, reject }));
  };

  answered(answer: Answered): void {
    const waiting = this.waiting.get(answer.number);
    this.waiting.delete(answer.number);
    if ('bytes' in answer) waiting?.resolve(answer.bytes);
    else waiting?.reject(new Problem(answer.problem));
  }
}

/** Does a task of a worker, and says what came of it. */
export async function perform<Answer>(task: () => Promise<Answer>): Promise<void> {
  const say = (said: FromWorker<Answer>): void => postMessage(said);
  try {
    say({ say: 'answer', answer: await task() });
  } catch (error) {
    if (error instanceof Fault) {
      const { check, code, details, ballots } = error;
      say({ say: 'fault', check, code, details, ballots });
    } else say({ say: 'problem', problem: error instanceof Problem ? plain(error) : { code: 'not_understood', status: 422, detail: String(error) } });
  }
}

/** The page's side: what a worker answers to a task. */
export function answerOf<Answer>(worker: Worker, task: object, fetched: Fetch, onProgress: (progress: Progress) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Problem({ code: 'not_understood', status: 422, detail: event.message || 'the worker did not start' }));
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker<Answer>>) => {
      if (data.say === 'ask') {
        const { number, path } = data;
        const answer = (answered: Answered): void => worker.postMessage(answered);
        fetched(path).then((bytes) => answer({ number, bytes }), (error: unknown) => answer({ number, problem: plain(error) }));
      } else if (data.say === 'progress') onProgress(data.progress);
      else if (data.say === 'answer') resolve(data.answer);
      else if (data.say === 'problem') reject(new Problem(data.problem));
      else {
        const fault = new Fault(data.check, data.code, data.details);
        fault.ballots = data.ballots;
        reject(fault);
      }
    };
    worker.postMessage(task);
  });
}
