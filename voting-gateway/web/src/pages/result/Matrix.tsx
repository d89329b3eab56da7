import { useId } from 'react';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { More, Wide } from './More';

/** Matrices of more options than this are folded up. */
const OPTIONS_OPEN = 8;

interface MatrixProps {
  title: string;
  /** What it says, beside it: a caption would move sideways with it. */
  caption: string;
  /** What the option of the line has against that of the column. */
  cells: number[][];
  nameOf: (place: number) => string;
}

/** Every option against every other; the larger figure of each pair is bold. */
export function Matrix({ title, caption, cells, nameOf }: MatrixProps) {
  const locale = useRegion();
  const id = useId();
  return (
    <More title={title} open={cells.length <= OPTIONS_OPEN}>
      <p id={id} className="muted small">
        {caption}
      </p>
      <Wide title={title}>
        <table className="table table-dense pairs" aria-label={title} aria-describedby={id}>
          <thead>
            <tr>
              <td />
              {cells.map((_, column) => (
                <th key={column} scope="col" className="number">
                  {nameOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map((row, line) => (
              <tr key={line}>
                <th scope="row">{nameOf(line)}</th>
                {row.map((figure, column) => (
                  <td key={column} className={`number${figure > (cells[column]?.[line] ?? 0) ? ' cell-elected' : ''}`}>
                    {line === column ? '–' : formatNumber(figure, locale)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </More>
  );
}
