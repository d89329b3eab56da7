import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useId, useMemo } from 'react';
import { useTranslations } from 'use-intl';
import { problemFrom } from '../../../api/problem';
import { Button } from '../../../ui/Button';
import { formatNumber } from '../../../ui/format';
import { useRegion } from '../../../ui/hooks';
import { Notice } from '../../../ui/Notice';
import { toast } from '../../../ui/toasts';
import { AdminProblem } from '../AdminProblem';
import type { Step } from '../checklist';
import { checkCsv, isReparable, repaired, type CsvReport } from '../csv';
import { TextArea } from '../fields';
import { Roll } from '../Roll';
import { addVoters } from '../service';
import { isEditable, NO_LIST, type VoterList } from '../voterList';
import { ListPreview, useRowIssueText } from './ListPreview';

interface VotersStepProps {
  id: string | null;
  list: VoterList;
  onList: (list: VoterList) => void;
  onGo: (step: Step) => void;
}

export function VotersStep({ id, list, onList, onGo }: VotersStepProps) {
  const t = useTranslations('admin');
  if (id === null) {
    return (
      <Notice tone="warning" title={t('voters.needsDraft')}>
        <p>{t('voters.needsDraftBody')}</p>
        <Button onClick={() => onGo('check')}>{t('wizard.steps.check')}</Button>
      </Notice>
    );
  }
  return (
    <div className="stack-wide">
      <AddList id={id} list={list} onList={onList} />
      <section className="stack" aria-labelledby="roll">
        <h2 id="roll" className="h3">
          {t('voters.rollTitle')}
        </h2>
        <p className="muted small">{t('voters.rollHint')}</p>
        <Roll id={id} />
      </section>
    </div>
  );
}

function AddList({ id, list, onList }: { id: string; list: VoterList; onList: (list: VoterList) => void }) {
  const t = useTranslations('admin.voters');
  const region = useRegion();
  const queries = useQueryClient();
  const fileId = useId();
  // Typing stays fluent while a long list is looked through.
  const text = useDeferredValue(list.text);
  const report = useMemo(() => (text.trim() === '' ? null : checkCsv(text)), [text]);
  const sending = useMutation({
    mutationFn: () => addVoters(id, list.text),
    onSuccess: ({ added, already, total }) => {
      toast(`${t('added', { added, total })}${already > 0 ? ` ${t('already', { count: already })}` : ''}`);
      onList(NO_LIST);
      void queries.invalidateQueries({ queryKey: ['voters', id] });
      void queries.invalidateQueries({ queryKey: ['elections'] });
    },
    onError: (error) => onList({ ...list, refused: problemFrom(error).lines }),
  });
  const read = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    sending.reset();
    onList({ text: await file.text(), file: file.name, refused: [] });
  };
  const count = report?.rows.length ?? 0;
  return (
    <div className="card stack">
      {isEditable(list) ? (
        <TextArea
          label={t('list')}
          hint={t('listHint')}
          placeholder={t('example')}
          rows={8}
          mono
          value={list.text}
          onChange={(value) => {
            sending.reset();
            onList({ ...list, text: value, refused: [] });
          }}
        />
      ) : (
        <Notice title={t('fromFile', { name: list.file ?? t('list'), count: formatNumber(count, region) })}>
          <p>{t('largeHint')}</p>
        </Notice>
      )}
      <div className="field">
        <label htmlFor={fileId}>{t('file')}</label>
        <input
          id={fileId}
          className="input"
          type="file"
          accept=".csv,text/csv,text/plain"
          onChange={(event) => {
            void read(event.target.files?.[0]);
            // The same file, mended, can be opened again.
            event.target.value = '';
          }}
        />
      </div>
      {list.refused.length > 0 ? (
        <Lines
          urgent
          title={t('refusedTitle')}
          lead={t('refused', { count: list.refused.length })}
          lines={list.refused.map(({ line, message }) => ({ line, text: message, isEnglish: true }))}
        />
      ) : (
        sending.error && <AdminProblem error={sending.error} onRetry={() => sending.mutate()} />
      )}
      {report && list.refused.length === 0 && report.issues.length > 0 && (
        <OwnIssues report={report} onRepair={(code) => onList({ ...list, text: repaired(list.text, code), refused: [] })} />
      )}
      <div className="row">
        <Button variant="primary" busy={sending.isPending} aria-disabled={report === null} onClick={() => sending.mutate()}>
          {sending.isPending ? t('adding') : count > 0 ? t('add', { count }) : t('addNone')}
        </Button>
        {list.text !== '' && (
          <Button
            variant="quiet"
            onClick={() => {
              sending.reset();
              onList(NO_LIST);
            }}
          >
            {t('discard')}
          </Button>
        )}
      </div>
      {report && count > 0 && <ListPreview report={report} />}
    </div>
  );
}

/** What this browser sees in the list, before it is sent. */
function OwnIssues({ report: { issues }, onRepair }: { report: CsvReport; onRepair: (code: 'noHeader' | 'semicolons') => void }) {
  const t = useTranslations('admin.voters');
  const textOf = useRowIssueText();
  const code = issues[0]?.code;
  return (
    <>
      <Lines
        title={t('issuesTitle', { count: issues.length })}
        lead={t('issuesBody')}
        lines={issues.map((issue) => ({ line: issue.line, text: textOf(issue) }))}
      />
      {code && isReparable(code) && (
        <div>
          <Button onClick={() => onRepair(code)}>{t(`repair.${code}`)}</Button>
        </div>
      )}
    </>
  );
}

interface LinesProps {
  title: string;
  lead: string;
  lines: { line: number; text: string; isEnglish?: boolean }[];
  urgent?: boolean;
}

const SHOWN = 20;

function Lines({ title, lead, lines, urgent = false }: LinesProps) {
  const t = useTranslations('admin.voters');
  return (
    <Notice tone={urgent ? 'danger' : 'warning'} title={title} urgent={urgent}>
      <p>{lead}</p>
      <ul className="lines">
        {lines.slice(0, SHOWN).map(({ line, text, isEnglish }) => (
          <li key={line}>
            <strong>{t('line', { line })}</strong> <span lang={isEnglish ? 'en' : undefined}>{text}</span>
          </li>
        ))}
      </ul>
      {lines.length > SHOWN && <p>{t('moreIssues', { count: lines.length - SHOWN })}</p>}
    </Notice>
  );
}
