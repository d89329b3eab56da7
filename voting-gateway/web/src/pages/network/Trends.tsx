import { useTranslations } from 'use-intl';
import { useRegion } from '../../ui/hooks';
import { ballotRate, blockRate, writeTimes, type Sample, type Trend } from './history';
import { HEIGHT, SPAN_MS, sparkOf, WIDTH } from './spark';
import { formatMs, formatRate } from './units';

/** The least that the whole height stands for: a blip of nothing much must not look like a peak. */
const TOP = { blocks: 1, ballots: 1, write: 5 } as const;

export function Trends({ samples }: { samples: readonly Sample[] }) {
  const t = useTranslations('network.trends');
  const locale = useRegion();
  const rate = (value: number): string => formatRate(value, locale);
  const end = samples.at(-1)?.at ?? 0;
  const isPartial = samples.some(({ skipped, at }) => skipped && end - at <= SPAN_MS);
  return (
    <section className="card stack" aria-labelledby="trends">
      <h2 id="trends">{t('title')}</h2>
      <div className="net-trends">
        <Sparkline label={t('blocks')} trend={blockRate(samples)} top={TOP.blocks} format={rate} />
        <Sparkline label={t('ballots')} trend={ballotRate(samples)} top={TOP.ballots} format={rate} atLeast={isPartial} />
        <Sparkline label={t('write')} trend={writeTimes(samples)} top={TOP.write} format={(value) => formatMs(value, locale)} />
      </div>
    </section>
  );
}

interface SparklineProps {
  label: string;
  trend: readonly Trend[];
  top: number;
  format: (value: number) => string;
  /** Whether some of what is counted went by unseen. */
  atLeast?: boolean;
}

/** A small line with what it says in words: the figure of now and the highest. */
function Sparkline({ label, trend, top, format, atLeast = false }: SparklineProps) {
  const t = useTranslations('network.trends');
  const { line, area } = sparkOf(trend, top);
  const now = trend.at(-1)?.value;
  return (
    <figure className="net-trend">
      <figcaption>
        <span className="small muted">{label}</span>
        <span className="net-now">
          {atLeast && <span className="small">{t('atLeast')} </span>}
          {now === undefined ? '–' : format(now)}
        </span>
        <span className="small muted">
          {now === undefined ? t('collecting') : t('most', { value: format(Math.max(...trend.map(({ value }) => value))) })}
        </span>
      </figcaption>
      <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <path className="spark-area" d={area} />
        <path className="spark-line" d={line} />
      </svg>
    </figure>
  );
}
