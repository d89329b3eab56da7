import { Fault } from '../../audit/fault';
import { ProblemNotice } from '../../ui/problems';
import { FaultNotice } from './FaultNotice';

/** Why a verification ended: something does not hold, or it could not be done. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return error instanceof Fault ? <FaultNotice fault={error} /> : <ProblemNotice error={error} onRetry={onRetry} urgent />;
}
