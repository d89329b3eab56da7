/** The network behind the gateway, and the genesis that everything is checked against. */
import { queryOptions } from '@tanstack/react-query';
import { answered, publicApi } from '../api/http';
import { problemFrom, problemOf } from '../api/problem';
import type { Network } from '../api/types';
import type { Trusted } from '../ballot';

export const getNetwork = (): Promise<Network> => answered(publicApi.GET('/network'));

export const networkQuery = queryOptions({ queryKey: ['network'], queryFn: getNetwork, staleTime: 60_000 });

/** The canonical bytes of the genesis. */
export async function getGenesis(): Promise<Uint8Array> {
  const response = await fetch('/genesis').catch((error: unknown) => {
    throw problemFrom(error);
  });
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
  return new Uint8Array(await response.arrayBuffer());
}

/** What receipts are judged by: the genesis, and how the authorities have changed since. */
export async function getTrusted(genesis: () => Promise<Uint8Array> = getGenesis): Promise<Trusted> {
  const [bytes, { epochs }] = await Promise.all([genesis(), answered(publicApi.GET('/network/epochs'))]);
  return { genesis: bytes, handovers: epochs.flatMap(({ handover }) => handover ?? []) };
}

const PIN = 'voting.genesis';

/**
 * Whether this browser met the same network before: the first one it meets is kept, and a receipt that holds in
 * another network is no proof for this one.
 */
export function isKnownNetwork(genesis: string): boolean {
  try {
    const pinned = localStorage.getItem(PIN);
    if (pinned === null) localStorage.setItem(PIN, genesis);
    return pinned === null || pinned === genesis;
  } catch {
    return true;
  }
}
