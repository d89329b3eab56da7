/** Verifies beside the page, which stays quick; ending the worker is how one cancels. */
import { type Answered, Asking, perform } from '../../audit/asking';
import { type Asked, type Tell, verifyEverything } from '../../audit/everything';
import { type OpenedAsked, openedBallot } from '../../audit/opened';

export type Task = { do: 'verify'; asked: Asked } | { do: 'opened'; asked: OpenedAsked };

const asking = new Asking();
const tell: Tell = async (progress) => postMessage({ say: 'progress', progress });
addEventListener('message', ({ data }: MessageEvent<Answered | Task>) => {
  if (!('do' in data)) return asking.answered(data);
  void perform<unknown>(async () => (data.do === 'verify' ? (await verifyEverything(data.asked, asking.ask, tell)).verified : openedBallot(data.asked, asking.ask, tell)));
});
