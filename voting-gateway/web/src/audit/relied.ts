/** Whom a verification relies on. */
import type { Epochs } from '../ballot/epochs';
import { Refused, relyOn, type Trusted } from '../ballot/finality';
import { type Check, Fault } from './fault';

/** Who was in office when, by the genesis that this browser relies on, and the genesis' digest. */
export async function relied(trusted: Trusted, check: Check): Promise<{ genesis: string; epochs: Epochs }> {
  let genesis = '';
  try {
    const epochs = await relyOn(trusted, (digest) => (genesis = digest));
    return { genesis, epochs };
  } catch (error) {
    if (error instanceof Refused) throw new Fault(check, 'other_network', { detail: error.message });
    throw error;
  }
}
