// Cohorts: of the visitors who first came in a week or month, how many came again in each later one. The darker, the more.
import type { Site } from '../data/api';
import { count, exact, monthText, share, shortDayText } from '../data/format';
import { COHORTS, later, periodText, type Cohort, type CohortPeriod, type Cohorts } from '../data/known';
import { useCohorts } from '../data/use_cohorts';
import { ErrorNote } from './error_note';
import { Skeleton } from './skeleton';
import { Tabs } from './tabs';

interface Props {
  site: Site;
  period: CohortPeriod;
  onPeriod: (period: string) => void;
}

export function CohortsPanel({ site, period, onPeriod }: Props) {
  const { reply, error, retry } = useCohorts(site.domain, period);
  const tab = COHORTS.dimensions.find(({ alias }) => alias === period) ?? COHORTS.dimensions[0];
  return (
    <section class="card panel panel-cohorts" aria-labelledby="title-cohorts">
      <header class="panel-head">
        <h2 id="title-cohorts">Who comes back</h2>
        <Tabs panel={COHORTS.id} dimensions={COHORTS.dimensions} on={tab} onTab={onPeriod} />
      </header>
      <div class="panel-body" id="body-cohorts" role="tabpanel" aria-labelledby={`tab-cohorts-${period}`}>
        {error ? (
          <ErrorNote error={error} onRetry={retry} />
        ) : !reply ? (
          <Skeleton lines={6} label="Loading cohorts" />
        ) : reply.cohorts.every(({ visitors }) => visitors === 0) ? (
          <p class="nothing">Nobody who agreed to be known again has come yet.</p>
        ) : (
          <Table {...{ reply, period }} />
        )}
      </div>
    </section>
  );
}

function Table({ reply, period }: { reply: Cohorts; period: CohortPeriod }) {
  const { unfinished } = reply;
  const cohorts = reply.cohorts.slice(reply.cohorts.findIndex(({ visitors }) => visitors > 0)); // since anybody is known
  const columns = Math.max(...cohorts.map(({ returned }) => returned.length)) - 1; // the first is all of them
  const most = Math.max(...cohorts.flatMap(({ visitors, returned }) => returned.slice(1).map((n) => n / Math.max(1, visitors))));
  const after = (n: number): string => `${n} ${period}${n === 1 ? '' : 's'} later`;
  return (
    <>
      <div class="cohorts-room" role="region" aria-labelledby="title-cohorts" tabIndex={0}>
        <table class="cohorts">
          <caption class="unseen">Visitors by the {period} of their first visit, and how many of them came again later</caption>
          <thead>
            <tr>
              <th scope="col">First visit{period === 'week' && ', week of'}</th>
              <th scope="col">Visitors</th>
              {Array.from({ length: columns }, (_, at) => (
                <th key={at} scope="col">
                  <span aria-hidden="true">+{at + 1}</span>
                  <span class="unseen">{after(at + 1)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cohorts.map((cohort) => (
              <tr key={cohort.cohort}>
                <th scope="row" title={periodText(period, cohort.cohort)}>
                  {period === 'week' ? shortDayText(cohort.cohort) : monthText(cohort.cohort)}
                  {cohort.cohort === unfinished && <span class="muted small"> so far</span>}
                </th>
                <td title={exact(cohort.visitors)}>{count(cohort.visitors)}</td>
                {cohort.returned.slice(1).map((returned, at) => {
                  const when = later(period, cohort.cohort, at + 1);
                  return <Cell key={at} {...{ cohort, returned, most, period, when }} open={when === unfinished} />;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {columns > 0 && (
        <p class="muted small">
          +1: how many of them came again in the {period} after, +2 in the one after that. A dashed edge: that {period} is
          not over yet.
        </p>
      )}
    </>
  );
}

const DARKEST = 42; // per cent of the hue: text stays legible on it, light and dark

interface CellProps {
  cohort: Cohort;
  returned: number;
  most: number; // the largest share of all
  when: string; // first day of the period it is about
  open: boolean; // which is not over yet
  period: CohortPeriod;
}

function Cell({ cohort: { visitors }, returned, most, when, open, period }: CellProps) {
  const heat = visitors && most ? (DARKEST * returned) / visitors / most : 0;
  return (
    <td
      class={open ? 'heat open' : 'heat'}
      style={{ background: `color-mix(in srgb, var(--accent) ${heat.toFixed(1)}%, var(--card))` }}
      title={`${exact(returned)} of ${exact(visitors)} came in ${periodText(period, when)}${open ? ', which is not over yet' : ''}`}
    >
      {share(returned, visitors) || '–'}
      <span class="heat-count">{count(returned)}</span>
      {open && <span class="unseen"> so far</span>}
    </td>
  );
}
