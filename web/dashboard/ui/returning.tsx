// New and returning visitors of the period: each counted once, however often they came; two bars to filter by, and the
// same over time.
import type { Query, Site } from '../data/api';
import { VISITOR } from '../data/dimensions';
import { count, exact, rangeText } from '../data/format';
import { bucketOf, bucketsOf } from '../data/known';
import type { Range } from '../data/period';
import { useQuery, type Answer } from '../data/use_query';
import { ErrorNote } from './error_note';
import { ReturningBars } from './returning_bars';
import { Rows } from './rows';
import { Skeleton } from './skeleton';

const MOST_STEPS = 1000;

interface Props {
  site: Site;
  range: Range;
  filtered: boolean; // by something else than new and returning
  isOn: (value: string) => boolean;
  onPick: (value: string) => void;
}

export function Returning({ site, range, filtered, isOn, onPick }: Props) {
  return (
    <section class="card panel panel-returning" aria-labelledby="title-returning">
      <header class="panel-head">
        <h2 id="title-returning">New and returning</h2>
        <p class="muted small">Each visitor counted once, however often they came</p>
      </header>
      {filtered ? (
        <p class="nothing">
          New and returning visitors are known by their days only, not by what they did there: take the filters away to see
          them, and who comes back.
        </p>
      ) : (
        <Counted {...{ site, range, isOn, onPick }} />
      )}
    </section>
  );
}

function Counted({ site, range, isOn, onPick }: Omit<Props, 'filtered'>) {
  const base: Query = {
    site_id: site.domain,
    metrics: ['unique_visitors', 'new_visitors', 'returning_visitors'],
    date_range: [range.from, range.to],
  };
  const bucket = bucketOf(range);
  const whole = useQuery(base, range);
  const steps = useQuery<Range>(
    bucket && { ...base, dimensions: [`time:${bucket}`], pagination: { limit: MOST_STEPS } },
    range,
  );
  const { reply } = whole;
  if (whole.error && !reply) return <ErrorNote error={whole.error} onRetry={whole.retry} />;
  if (!reply) return <Skeleton lines={3} label="Loading new and returning visitors" />;

  const [unique = 0, fresh = 0, returning = 0] = (reply.results[0]?.metrics ?? []).map((value) => value ?? 0);
  const since = reply.meta?.diary_from;
  const early = since && since > whole.tag.from && (
    <p class="muted small">Visitors are known again since {rangeText(since, since)}; whoever had come before then counts as new.</p>
  );
  if (unique === 0)
    return (
      <>
        <p class="nothing">Nobody who agreed to be known again came in this period.</p>
        {early}
      </>
    );
  return (
    <>
      <div class={`returning-body${bucket ? '' : ' single'}${whole.stale ? ' stale' : ''}`}>
        <div>
          <p class="now-figure">
            <b title={exact(unique)}>{count(unique)}</b>
            <span>{unique === 1 ? 'visitor' : 'visitors'}</span>
          </p>
          <Rows
            dimension={VISITOR}
            total={unique}
            second={undefined}
            rows={[
              { dimensions: ['new'], metrics: [fresh] },
              { dimensions: ['returning'], metrics: [returning] },
            ]}
            {...{ isOn, onPick }}
          />
        </div>
        {bucket && <OverTime answer={steps} zone={site.timezone} />}
      </div>
      {early}
    </>
  );
}

function OverTime({ answer: { reply, tag }, zone }: { answer: Answer<Range>; zone: string }) {
  const step = bucketOf(tag);
  return step && reply ? <ReturningBars times={bucketsOf(tag, step, zone)} rows={reply.results} step={step} /> : null;
}
