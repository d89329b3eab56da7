import { useQuery } from '@tanstack/react-query';
import { fingerprintOf } from '../../services/sealing';
import { formatDigits } from '../../ui/format';

/** Computed here from the key that the definition names: the gateway's word for it would prove nothing. */
export function useFingerprint(key: string): string | undefined {
  return useQuery({ queryKey: ['fingerprint', key], queryFn: () => fingerprintOf(key), staleTime: Infinity }).data;
}

/** The short form of a key in groups, to be compared. */
export function Fingerprint({ of: key }: { of: string }) {
  const fingerprint = useFingerprint(key);
  return <span className="mono">{fingerprint === undefined ? '…' : formatDigits(fingerprint)}</span>;
}
