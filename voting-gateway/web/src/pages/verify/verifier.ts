/** Verifies beside the page, which stays quick; ending the worker is how one cancels. */
import { type Answered, Asking, perform } from '../../audit/asking';
import { type Asked, verifyEverything } from '../../audit/everything';

const asking = new Asking();
addEventListener('message', ({ data }: MessageEvent<Answered | { do: 'verify'; asked: Asked }>) => {
  if (!('do' in data)) return asking.answered(data);
  void perform(async () => {
    const { verified } = await verifyEverything(data.asked, asking.ask, async (progress) => postMessage({ say: 'progress', progress }));
    return verified;
  });
});
