/** A trustee's key and all that is done with it, beside the page. */
import { type Answered, Asking, perform } from '../../audit/asking';
import { Problem } from '../../api/problem';
import { Keeper, Lie, type Task } from './tasks';

const asking = new Asking();
const keeper = new Keeper(asking.ask, async (progress) => postMessage({ say: 'progress', progress }));
addEventListener('message', ({ data }: MessageEvent<Answered | Task>) => {
  if (!('do' in data)) return asking.answered(data);
  void perform(() =>
    keeper.perform(data).catch((error: unknown) => {
      throw error instanceof Lie ? new Problem({ code: 'ceremony_lie', status: 422, detail: error.message }) : error;
    }),
  );
});
