// Asks for the chart's two lines, and shows them as a drawing and, for who cannot see it, as a table.
import { METRICS, type Metric, type Query, type Reply, type Site } from '../data/api';
import { figure as shown } from '../data/format';
import { marksOf } from '../data/marks';
import { keyOf, ticks, ticksSoFar, type Range, type Step, type Tick } from '../data/period';
import { useQuery } from '../data/use_query';
import { useAnnotations } from '../data/use_saved';
import { Chart } from './chart';
import { ErrorNote } from './error_note';

interface Props {
  site: Site;
  range: Range;
  base: Query;
  figure: Metric;
}

export function ChartBox({ site, range, base, figure }: Props) {
  const dimension = `time:${range.step}`;
  const drawn: Query = {
    ...base,
    dimensions: [dimension],
    order_by: [[dimension, 'asc']],
    pagination: { limit: 1000 },
  };
  const now = useQuery(drawn, range);
  const before = useQuery({ ...drawn, date_range: [range.before.from, range.before.to] }, range);

  const annotations = useAnnotations(site.domain, now.tag.from, now.tag.to);

  if (now.error && !now.reply) return <ErrorNote error={now.error} onRetry={now.retry} />;
  if (!now.reply) return <div class="chart-space bone" role="img" aria-label="Loading the chart" />;

  const { tag } = now;
  const times = ticks(tag.from, tag.to, tag.step);
  const soFar = ticksSoFar(tag, site.timezone);
  const line = values(now.reply, times, tag.step, figure).map((value, at) => (at < soFar ? value : null));
  const timesBefore = ticks(tag.before.from, tag.before.to, tag.step);
  const same = before.tag.from === tag.from && before.tag.to === tag.to;
  const lineBefore =
    before.reply && same
      ? times.map((_, at) => values(before.reply as Reply, timesBefore, tag.step, figure)[at] ?? null)
      : [];
  return (
    <figure class={now.stale ? 'chart stale' : 'chart'}>
      <Chart
        metric={figure}
        times={times}
        timesBefore={timesBefore}
        now={line}
        before={lineBefore}
        marks={marksOf(annotations, times, tag.step)}
      />
      <figcaption class="legend">
        <span class="key">{tag.text}</span>
        {lineBefore.length > 0 && <span class="key dashed">{tag.before.text}</span>}
      </figcaption>
      <div class="unseen">
        <table>
          <caption>The chart as a table</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">{tag.text}</th>
              <th scope="col">{tag.before.text}</th>
            </tr>
          </thead>
          <tbody>
            {times.map(({ key, text }, at) => (
              <tr key={key}>
                <th scope="row">{text}</th>
                <td>{shown(figure, line[at])}</td>
                <td>{shown(figure, lineBefore[at])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** One value a tick; where the reply has no row, nothing happened. */
function values({ results }: Reply, times: Tick[], step: Step, figure: Metric): (number | null)[] {
  const at = METRICS.findIndex((metric) => metric === figure);
  const rows = new Map(results.map((row) => [keyOf(row.dimensions[0] ?? '', step), row.metrics[at]]));
  return times.map(({ key }) => rows.get(key) ?? 0);
}
