import { METRICS, type Metric } from '../data/api';
import { change, exact, figure as shown, type Change } from '../data/format';
import type { Range } from '../data/period';
import type { Answer } from '../data/use_query';

const LABELS: Record<Metric, string> = {
  visitors: 'Visitors',
  visits: 'Visits',
  pageviews: 'Page views',
  bounce_rate: 'Bounce rate',
  visit_duration: 'Visit duration',
  events: 'Events',
};

interface Props {
  totals: Answer<Range>;
  before: Answer<null>;
  figure: Metric;
  onFigure: (figure: Metric) => void;
}

export function Figures({ totals, before, figure, onFigure }: Props) {
  const now = totals.reply?.results[0]?.metrics;
  const then = before.stale ? undefined : before.reply?.results[0]?.metrics;
  const range = totals.tag;
  const addedUp = range.from !== range.to;
  return (
    <>
      <div class={totals.stale && now ? 'figures stale' : 'figures'} role="group" aria-label="Figure to draw">
        {METRICS.map((metric, at) => {
          const value = now?.[at];
          const moved = totals.stale ? null : change(metric, value, then?.[at]);
          return (
            <button
              type="button"
              key={metric}
              class="figure"
              aria-pressed={metric === figure}
              title={metric === 'visitors' && addedUp ? 'Daily visitors, added up' : undefined}
              onClick={() => onFigure(metric)}
            >
              <span class="figure-label">
                {LABELS[metric]}
                {metric === 'visitors' && addedUp && <sup aria-hidden="true">*</sup>}
              </span>
              {now ? (
                <span class="figure-value" title={value && value >= 100_000 ? exact(value) : undefined}>
                  {shown(metric, value)}
                </span>
              ) : (
                <span class="figure-value bone" aria-hidden="true" />
              )}
              <Moved change={moved} before={range.before.text} then={then && shown(metric, then[at])} />
            </button>
          );
        })}
      </div>
      <p class="unseen" role="status">
        {now && !totals.stale && `${range.text}: ${shown('visitors', now[0])} visitors`}
      </p>
    </>
  );
}

const WORDS = { up: 'up', down: 'down', same: 'unchanged' } as const;
const ARROWS = { up: 'M5 1.5l4 6.5H1z', down: 'M5 8.5L1 2h8z', same: 'M1 4h8v2H1z' } as const;

function Moved({ change: moved, before, then }: { change: Change | null; before: string; then: string | undefined }) {
  if (!moved) return <span class="moved" />;
  const tone = moved.good === null ? '' : moved.good ? ' good' : ' bad';
  return (
    <span class={`moved${tone}`} title={`${then ?? ''} in ${before}`}>
      <svg width="9" height="9" viewBox="0 0 10 10" fill="currentColor" aria-hidden="true">
        <path d={ARROWS[moved.direction]} />
      </svg>
      <span class="unseen">{WORDS[moved.direction]} </span>
      {moved.text}
      <span class="unseen"> against {before}</span>
    </span>
  );
}
