/** The worker that has a trustee's key, seen from the page. */
import { useEffect, useState } from 'react';
import { bytesAt } from '../../api/client';
import { answerOf } from '../../audit/asking';
import type { Asked, Progress } from '../../audit/everything';
import type { Trusted } from '../../ballot/finality';
import { saveFile } from '../../ui/saveFile';
import type { Attended, Loaded, Summed, Task } from './tasks';

export class Keeping {
  private worker: Worker | null = null;
  private last: Promise<unknown> = Promise.resolve();

  make = (): Promise<Loaded> => this.do<Loaded>({ do: 'make' });
  load = (file: File): Promise<Loaded> => this.withFile(file, (bytes) => this.do<Loaded>({ do: 'load', file: bytes }));
  compare = (file: File): Promise<'same' | 'other' | 'none'> => this.withFile(file, (bytes) => this.do({ do: 'compare', file: bytes }));
  check = (file: File): Promise<number | null> => this.withFile(file, (bytes) => this.do({ do: 'check', file: bytes }));
  attend = (id: string, { definition, record }: { definition: string; record: string }, trusted: Trusted): Promise<Attended> =>
    this.do({ do: 'attend', id, definition, record, trusted });
  verify = (asked: Asked, onProgress: (progress: Progress) => void): Promise<Summed> => this.do({ do: 'verify', asked }, onProgress);
  decrypt = (): Promise<string> => this.do({ do: 'decrypt' });

  /** Hands the key file to the browser's downloads. */
  async save(name: string): Promise<void> {
    const bytes = await this.do<Uint8Array<ArrayBuffer>>({ do: 'file' });
    saveFile(new Blob([bytes], { type: 'text/plain' }), name);
    bytes.fill(0);
  }

  /** Forgets the key. */
  end = (): void => {
    this.worker?.terminate();
    this.worker = null;
    this.last = Promise.resolve();
  };

  /** One after the other: there is one key, and what was asked last is answered last. */
  private do<Answer>(task: Task, onProgress: (progress: Progress) => void = () => undefined): Promise<Answer> {
    this.worker ??= new Worker(new URL('./keeper.ts', import.meta.url), { type: 'module' });
    const { worker } = this;
    const answer = this.last.catch(() => undefined).then(() => answerOf<Answer>(worker, task, bytesAt, onProgress));
    this.last = answer;
    return answer;
  }

  /** What the page has read of a file is overwritten as soon as the worker has answered. */
  private async withFile<Answer>(file: File, use: (bytes: Uint8Array) => Promise<Answer>): Promise<Answer> {
    const bytes = new Uint8Array(await file.slice(0, 2_048).arrayBuffer());
    try {
      return await use(bytes);
    } finally {
      bytes.fill(0);
    }
  }
}

/** A keeper as long as the page is there; `onEnd` when the browser puts the page away, to be shown again perhaps. */
export function useKeeping(onEnd: () => void): Keeping {
  const [keeping] = useState(() => new Keeping());
  useEffect(() => {
    const leave = (): void => {
      keeping.end();
      onEnd();
    };
    addEventListener('pagehide', leave);
    return () => {
      removeEventListener('pagehide', leave);
      keeping.end();
    };
  }, [keeping, onEnd]);
  return keeping;
}
