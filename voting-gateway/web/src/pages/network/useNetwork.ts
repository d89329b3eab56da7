/** The network as it is, from the live channel or, while there is none, by asking. */
import { useQuery } from '@tanstack/react-query';
import { answered, publicApi } from '../../api/http';
import { useLive } from '../../app/live';
import { reduceNetwork, type History } from './history';

/** Time between two questions while the live connection is lost. */
const ASK_MS = 5_000;

export interface Network {
  history: History | undefined;
  /** When the figures were current, in milliseconds; undefined while they are live. */
  since: number | undefined;
  error: unknown;
  retry: () => void;
}

export function useNetwork(): Network {
  const live = useLive('network', reduceNetwork);
  // The first answer shows the page before the connection stands.
  const wanted = live.lost || live.error !== undefined || live.data === undefined;
  const asked = useQuery({
    queryKey: ['network', 'status'],
    queryFn: () => answered(publicApi.GET('/network/status')),
    enabled: wanted,
    refetchInterval: live.lost || live.error ? ASK_MS : false,
    gcTime: 0,
  });
  const answer = wanted ? asked.data : undefined;
  const isNewer = answer && (!live.data || Date.parse(answer.at) > Date.parse(live.data.status.at));
  const history = isNewer ? reduceNetwork(live.data, { kind: 'snapshot', data: answer }) : live.data;
  const age = live.stale ? live.since : undefined;
  return {
    history,
    since: age !== undefined && isNewer ? Math.max(age, asked.dataUpdatedAt) : age,
    error: history === undefined ? asked.error : null,
    retry: () => void asked.refetch(),
  };
}
