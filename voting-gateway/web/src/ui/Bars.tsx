/** Bars in one colour, each with its words: the picture of a table that stands beside it. */
export interface Bar {
  id: string;
  label: string;
  value: string;
  /** Length, as a part of the longest possible. */
  part: number;
  marked?: string;
}

export function Bars({ label, bars }: { label: string; bars: Bar[] }) {
  return (
    <ul className="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.id} className="bar-line">
          <span className="bar-label">
            <span>
              {bar.label}
              {bar.marked && <span className="bar-mark">{bar.marked}</span>}
            </span>
            <span className="nowrap">{bar.value}</span>
          </span>
          <span className="bar-track" aria-hidden="true">
            <span style={{ width: `${Math.min(100, Math.max(0, bar.part * 100))}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}
