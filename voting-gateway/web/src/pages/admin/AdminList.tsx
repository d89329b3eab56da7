import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import '../../styles/elections.css';
import '../../styles/admin.css';
import type { ElectionListItem } from '../../api/types';
import { useLive } from '../../app/live';
import { electionsQuery, isOver } from '../../services/elections';
import { reduceElections, withLive } from '../../services/live';
import { ButtonLink } from '../../ui/Button';
import { Loaded } from '../../ui/Loaded';
import { Page } from '../../ui/Page';
import { RelativeTime, TimeText } from '../../ui/TimeText';
import { Grouped } from '../elections/Grouped';
import { PhaseChip } from '../elections/PhaseChip';
import { Turnout } from '../elections/Turnout';

const GROUPS = ['drafts', 'running', 'finished'] as const;
type Group = (typeof GROUPS)[number];

const isDraft = (phase: string): boolean => phase === 'draft' || phase === 'ready';
const groupOf = (phase: string): Group => (isDraft(phase) ? 'drafts' : isOver(phase) ? 'finished' : 'running');

/** The elections of a group; of the finished, what ended last is looked for first. */
function membersOf(group: Group, list: ElectionListItem[]): ElectionListItem[] {
  const members = list.filter(({ phase }) => groupOf(phase) === group);
  return group === 'finished' ? members.reverse() : members;
}

export default function AdminList() {
  const t = useTranslations('admin.list');
  const query = useQuery(electionsQuery);
  const live = useLive('elections', reduceElections);
  return (
    <Page title={t('title')} lead={t('lead')}>
      <div>
        <ButtonLink to="/app/admin/new" variant="primary" large>
          {t('new')}
        </ButtonLink>
      </div>
      <Loaded query={query}>{(list) => <Groups list={withLive(list, live.data)} />}</Loaded>
    </Page>
  );
}

function Groups({ list }: { list: ElectionListItem[] }) {
  const t = useTranslations('admin.list');
  if (list.length === 0) {
    return (
      <div className="empty stack-tight">
        <h2 className="h3">{t('emptyTitle')}</h2>
        <p>{t('empty')}</p>
      </div>
    );
  }
  return (
    <Grouped
      groups={GROUPS.map((group) => ({ group, title: t(`groups.${group}`), members: membersOf(group, list) }))}
      item={(election, group) => <Item key={election.id} election={election} group={group} />}
    />
  );
}

function Item({ election, group }: { election: ElectionListItem; group: Group }) {
  const t = useTranslations('admin.list');
  return (
    <li className="card election">
      <div className="election-main">
        <div className="election-head">
          <h3>
            <Link href={`/app/admin/${election.id}`} className="election-link">
              {election.title}
            </Link>
          </h3>
          <PhaseChip phase={election.phase} />
        </div>
        {election.description && <p className="election-text">{election.description}</p>}
        <p className="small muted">
          {group === 'drafts' ? t('draftHint') : <When election={election} over={group === 'finished'} />}
        </p>
      </div>
      <div className="election-end">
        {group !== 'drafts' && <Turnout voted={election.voted} roll={election.roll_size} />}
        <Next election={election} />
      </div>
    </li>
  );
}

function When({ election, over }: { election: ElectionListItem; over: boolean }) {
  const t = useTranslations('admin.list');
  if (over) {
    return (
      <>
        {t('ended')} <TimeText iso={election.end_date} />
      </>
    );
  }
  const iso = election.phase === 'scheduled' ? election.start_date : election.end_date;
  return (
    <>
      {t(election.phase === 'scheduled' ? 'opens' : 'closes')} <TimeText iso={iso} /> (<RelativeTime iso={iso} />)
    </>
  );
}

const NEXT: Record<string, 'edit' | 'certify' | 'publish'> = { draft: 'edit', closed: 'certify', tallied: 'publish' };

/** What the phase asks for next; where nothing presses, the page of the election tells. */
export function nextOf({ phase, secrecy }: Pick<ElectionListItem, 'phase' | 'secrecy'>): 'edit' | 'certify' | 'publish' | 'manage' {
  // The trustees of a sealed election have the word once it is closed.
  return phase === 'closed' && secrecy === 'sealed' ? 'manage' : (NEXT[phase] ?? 'manage');
}

function Next({ election }: { election: ElectionListItem }) {
  const t = useTranslations('admin.list');
  const { id, title } = election;
  const next = nextOf(election);
  return (
    <ButtonLink
      to={next === 'edit' ? `/app/admin/${id}/edit` : `/app/admin/${id}`}
      variant={next === 'manage' ? 'secondary' : 'primary'}
      label={t(`${next}Of`, { title })}
    >
      {t(next)}
    </ButtonLink>
  );
}
