/** The worker that seals, seen from the page. */
import { Problem } from '../../../api/problem';
import type { BallotContent } from '../../../ballot';
import type { Answer, Opened, SealTask, Task } from './task';

export interface Sealer {
  seal(task: Omit<SealTask, 'do'>): Promise<BallotContent>;
  /** Opens the ballot sealed last, once. */
  open(): Promise<Opened>;
  /** Drops the choices and the randomness. */
  forget(): void;
}

const failed = (detail: string): Problem => new Problem({ code: 'seal_failed', status: 422, detail });

/** Every ballot has a worker of its own, which ends with it. */
export class WorkerSealer implements Sealer {
  private worker: Worker | null = null;

  async seal(task: Omit<SealTask, 'do'>): Promise<BallotContent> {
    this.forget();
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    const answer = await this.ask({ do: 'seal', ...task });
    if ('sealed' in answer) return answer.sealed;
    throw failed('failed' in answer ? answer.failed : '');
  }

  async open(): Promise<Opened> {
    const answer = await this.ask({ do: 'open' });
    this.forget();
    if ('opened' in answer) return answer.opened;
    throw failed('failed' in answer ? answer.failed : '');
  }

  forget(): void {
    this.worker?.terminate();
    this.worker = null;
  }

  private ask(task: Task): Promise<Answer> {
    const { worker } = this;
    if (!worker) return Promise.reject(failed('there is no ballot to open'));
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(failed(event.message || 'the worker did not start'));
      };
      worker.postMessage(task);
    });
  }
}
