// The last thirty minutes of the site, as they go by.
import type { Realtime, RealtimeRow } from '../data/api';
import { byAlias, nameOf } from '../data/dimensions';
import { count, exact, isCountryCode } from '../data/format';
import type { Live } from '../data/use_realtime';
import { Minutes } from './minutes';
import { Skeleton } from './skeleton';

export function Now({ live, onClose }: { live: Live; onClose: () => void }) {
  return (
    <section class="card now" id="now" aria-labelledby="title-now">
      <header class="panel-head">
        <h2 id="title-now">The last 30 minutes</h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close<span class="unseen"> the last 30 minutes</span>
        </button>
      </header>
      {live.figures ? (
        <Figures figures={live.figures} />
      ) : live.failed ? (
        <p class="nothing" role="status">
          The live figures cannot be reached. They are asked for again in a moment.
        </p>
      ) : (
        <Skeleton lines={4} label="Loading the last 30 minutes" />
      )}
    </section>
  );
}

const plural = (n: number, one: string, many: string): string => `${exact(n)} ${n === 1 ? one : many}`;

function Figures({ figures }: { figures: Realtime }) {
  const { current_visitors: current, visitors, pageviews, minutes, meta } = figures;
  return (
    <>
      <div class="now-head">
        <p class="now-figure">
          <b>{count(current)}</b>
          <span>{current === 1 ? 'visitor' : 'visitors'} now</span>
          <span class="muted small">
            {plural(visitors, 'visitor', 'visitors')} and {plural(pageviews, 'page view', 'page views')} in half
            an hour
          </span>
        </p>
        <Minutes visitors={minutes.visitors} pageviews={minutes.pageviews} />
      </div>
      <div class="now-lists">
        <List title="Pages" alias="page" rows={figures.pages} hidden={meta.hidden_below} />
        <List title="Sources" alias="source" rows={figures.sources} hidden={meta.hidden_below} />
        <List title="Countries" alias="country" rows={figures.countries} hidden={meta.hidden_below} />
      </div>
    </>
  );
}

interface ListProps {
  title: string;
  alias: string;
  rows: RealtimeRow[];
  hidden: number | undefined;
}

function List({ title, alias, rows, hidden = 0 }: ListProps) {
  const dimension = byAlias(alias);
  const most = Math.max(1, ...rows.map(({ visitors }) => visitors));
  return (
    <div class="now-list">
      {rows.length === 0 ? (
        <>
          <h3>{title}</h3>
          <p class="muted small">{hidden ? `None, or fewer than ${hidden} visitors.` : 'None yet.'}</p>
        </>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col">Visitors</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, visitors }) => (
              <tr key={name}>
                <th scope="row">
                  <span class="bar" style={{ width: `${(100 * visitors) / most}%` }} />
                  <span class="name">
                    {alias === 'country' && isCountryCode(name) && (
                      <span class="code" aria-hidden="true">
                        {name}
                      </span>
                    )}
                    <span class="ellipsis" title={name}>
                      {dimension ? nameOf(dimension, name) : name}
                    </span>
                  </span>
                </th>
                <td>{count(visitors)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > 0 && hidden > 0 && <p class="muted small">Rows of fewer than {hidden} visitors are not shown.</p>}
    </div>
  );
}
