import { useTranslations } from 'use-intl';
import { arcPath } from '../../ui/ring';
import { HEALTH_SIGNS } from './parts';
import type { Status } from './types';

const CENTER = 50;
const ARCS = 41;
const NAMES = 52;
/** Names beyond this many letters are cut: the table has them whole. */
const LETTERS = 16;

interface Place {
  x: number;
  y: number;
  anchor: 'start' | 'middle' | 'end';
}

/** The middle of an arc, at a distance from the centre. */
function placeOf(index: number, arcs: number, distance: number): Place {
  const angle = ((index + 0.5) / arcs - 0.25) * 2 * Math.PI;
  const across = Math.cos(angle);
  const anchor = across > 0.3 ? 'start' : across < -0.3 ? 'end' : 'middle';
  return { x: CENTER + distance * across, y: CENTER + distance * Math.sin(angle), anchor };
}

const short = (name: string): string => (name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name);

/** The motif at its largest: an arc per authority, its health by colour, stroke and sign, and who signed the newest block. */
export function NetworkRing({ status, signers, height }: { status: Status; signers: readonly string[]; height: number }) {
  const t = useTranslations('network.ring');
  const table = useTranslations('network.table');
  const { authorities, alive, quorum, leader } = status;
  const arcs = authorities.length;
  return (
    <div className="net-ring" aria-hidden="true">
      <svg viewBox="0 0 100 100" focusable="false">
        {authorities.map(({ name, health }, index) => {
          const sign = placeOf(index, arcs, ARCS);
          const label = placeOf(index, arcs, NAMES);
          return (
            <g key={name} className={`net-arc net-${health}`} data-health={health}>
              <path className="net-track" d={arcPath(index, arcs)} />
              <path className="net-line" d={arcPath(index, arcs)} />
              {signers.includes(name) && <path key={height} className="net-signed" d={arcPath(index, arcs)} />}
              <g transform={`translate(${sign.x.toFixed(2)} ${sign.y.toFixed(2)})`}>
                <circle className="net-disc" r="6.200" />
                <path className="net-sign" d={HEALTH_SIGNS[health]} transform="scale(0.36) translate(-12 -12)" />
              </g>
              <text className="net-name" x={label.x} y={label.y + 1.8} textAnchor={label.anchor}>
                {short(name)}
              </text>
              {name === leader && (
                <text className="net-leads" x={label.x} y={label.y + 8.2} textAnchor={label.anchor}>
                  {`★ ${table('leads')}`}
                </text>
              )}
            </g>
          );
        })}
        <text className="net-count" x={CENTER} y="50">
          {alive}
        </text>
        <text className="net-word" x={CENTER} y="58">
          {t('answer', { total: arcs })}
        </text>
        <Pips arcs={arcs} alive={alive} quorum={quorum} />
        <text className="net-word" x={CENTER} y="75">
          {t('quorum', { quorum })}
        </text>
      </svg>
    </div>
  );
}

/** A pip per authority, filled for those that answer; the stroke stands where the quorum is reached. */
function Pips({ arcs, alive, quorum }: { arcs: number; alive: number; quorum: number }) {
  const apart = Math.min(6, 44 / arcs);
  const left = CENTER - ((arcs - 1) * apart) / 2;
  const line = left + (quorum - 0.5) * apart;
  return (
    <g className={alive >= quorum ? 'net-pips' : 'net-pips is-short'}>
      {Array.from({ length: arcs }, (_, index) => (
        <circle key={index} className={index < alive ? 'is-filled' : undefined} cx={left + index * apart} cy="65" r={apart * 0.3} />
      ))}
      <path d={`M${line} 61.500V68.500`} />
    </g>
  );
}
