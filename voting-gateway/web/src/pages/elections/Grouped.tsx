import type { ReactNode } from 'react';
import type { ElectionListItem } from '../../api/types';

interface GroupedProps<G extends string> {
  groups: readonly { group: G; title: string; members: ElectionListItem[] }[];
  item: (election: ElectionListItem, group: G) => ReactNode;
}

/** Elections under headings, each with the number of its members; headings without any are left out. */
export function Grouped<G extends string>({ groups, item }: GroupedProps<G>) {
  return (
    <div className="groups">
      {groups
        .filter(({ members }) => members.length > 0)
        .map(({ group, title, members }) => (
          <section key={group} className="stack" aria-labelledby={`group-${group}`}>
            <h2 id={`group-${group}`} className="group-title">
              {title} <span className="group-count">{members.length}</span>
            </h2>
            <ul className="stack">{members.map((election) => item(election, group))}</ul>
          </section>
        ))}
    </div>
  );
}
