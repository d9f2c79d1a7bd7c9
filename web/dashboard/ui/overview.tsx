// The five figures and the chart of the chosen one.
import type { Metric, Query, Site } from '../data/api';
import type { Range } from '../data/period';
import { useQuery, type Answer } from '../data/use_query';
import { ChartBox } from './chart_box';
import { ErrorNote } from './error_note';
import { Figures } from './figures';
import { ReachNote } from './reach_note';

interface Props {
  site: Site;
  range: Range;
  base: Query;
  totals: Answer<Range>;
  figure: Metric;
  onFigure: (figure: Metric) => void;
}

export function Overview({ site, range, base, totals, figure, onFigure }: Props) {
  // The profile cnil has no moments of days that are over.
  const wholeDays = site.profile === 'cnil';
  const before = useQuery(
    { ...base, date_range: wholeDays ? [range.before.from, range.before.to] : range.beforeAsked },
    null,
  );
  return (
    <section class="card overview" aria-label="Overview">
      {totals.error && <ErrorNote error={totals.error} onRetry={totals.retry} />}
      {(totals.reply || !totals.error) && (
        <>
          <Figures {...{ totals, before, figure, onFigure }} />
          <ChartBox {...{ site, range, base, figure }} />
          <ReachNote reply={totals.reply} />
        </>
      )}
    </section>
  );
}
