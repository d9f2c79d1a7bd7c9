// All that a token opens, a line of figures each: what somebody with many sites opens in the morning.
import { useEffect, useState } from 'preact/hooks';
import { ApiError, type Client } from '../data/api';
import { count, exact } from '../data/format';
import { arranged, nameOf, periodText, rangeWords, type Headline, type Order, type ViewHeadline } from '../data/headlines';
import { PERIODS, type Period } from '../data/period';
import { ErrorNote } from './error_note';
import { Logo } from './logo';
import { Menu, MenuItem } from './menu';
import { Skeleton } from './skeleton';
import { Sparkline } from './sparkline';

const FEW = 8; // more are searched

interface Props {
  client: Client;
  period: Period;
  onPeriod: (period: Period) => void;
  onPick: (site: string) => void;
  onLeave: () => void;
}

interface Lines {
  sites: Headline[];
  views: ViewHeadline[];
}

export function SiteList({ client, period, onPeriod, onPick, onLeave }: Props) {
  const [lines, setLines] = useState<Lines>();
  const [error, setError] = useState<ApiError>();
  const [attempt, setAttempt] = useState(0);
  const [search, setSearch] = useState('');
  const [order, setOrder] = useState<Order>('visitors');

  useEffect(() => {
    const abort = new AbortController();
    setError(undefined);
    setLines(undefined);
    const words = { ...rangeWords(period), trend: '1' };
    Promise.all([client.siteHeadlines(words, abort.signal), client.viewHeadlines(words, abort.signal)]).then(
      ([sites, views]) => {
        if (!abort.signal.aborted) setLines({ sites, views });
      },
      (reason: unknown) => {
        if (!abort.signal.aborted) setError(reason instanceof ApiError ? reason : new ApiError('server', String(reason)));
      },
    );
    return () => abort.abort();
  }, [client, period, attempt]);

  useEffect(() => {
    document.title = 'All sites · Tamis';
  }, []);

  const views = arranged(lines?.views ?? [], search, order, ({ sites }) => sites);
  const sites = arranged(lines?.sites ?? [], search, order, () => []);
  const many = (lines?.views.length ?? 0) + (lines?.sites.length ?? 0) > FEW;
  const table = { order, onOrder: setOrder, onPick };
  return (
    <>
      <header class="top">
        <div class="brand">
          <Logo />
          <span class="wordmark">Tamis</span>
        </div>
        <h1 class="all-sites">All sites</h1>
        <span class="gap" />
        {many && (
          <input
            type="search"
            class="search"
            placeholder="Search"
            aria-label="Search sites and views"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <Menu label="Period" text={periodText(period)} class="period-menu">
          {(close) =>
            Object.entries(PERIODS).map(([each, text]) => (
              <MenuItem
                key={each}
                on={each === period}
                onPick={() => {
                  onPeriod(each as Period);
                  close();
                }}
              >
                {text}
              </MenuItem>
            ))
          }
        </Menu>
        <button type="button" class="quiet" onClick={onLeave}>
          Log out
        </button>
      </header>
      <main class="page" aria-busy={!lines && !error}>
        {error && <ErrorNote error={error} onRetry={() => setAttempt(attempt + 1)} />}
        {!lines && !error && (
          <section class="card panel">
            <Skeleton lines={6} label="Loading the figures" />
          </section>
        )}
        {views.length > 0 && <Table title="Views" lines={views} detail={({ sites: of }) => plural(of.length)} {...table} />}
        {sites.length > 0 && <Table title="Sites" lines={sites} {...table} />}
        {lines && views.length + sites.length === 0 && <p class="nothing">No site or view of that name.</p>}
      </main>
      <footer class="foot">
        <p>Visitors are those of each day and each site, added up: nobody is followed from one to the next.</p>
      </footer>
    </>
  );
}

const plural = (sites: number): string => `${sites} ${sites === 1 ? 'site' : 'sites'}`;

interface TableProps<Line> {
  title: string;
  lines: Line[];
  detail?: (line: Line) => string;
  order: Order;
  onOrder: (order: Order) => void;
  onPick: (site: string) => void;
}

function Table<Line extends Headline>({ title, lines, detail, order, onOrder, onPick }: TableProps<Line>) {
  const head = (of: Order, text: string) => (
    <th scope="col" aria-sort={order === of ? (of === 'name' ? 'ascending' : 'descending') : undefined}>
      <button type="button" class="order" onClick={() => onOrder(of)}>
        {text}
      </button>
    </th>
  );
  return (
    <section class={`card panel headlines headlines-${title.toLowerCase()}`}>
      <h2>{title}</h2>
      <table>
        <thead>
          <tr>
            {head('name', 'Name')}
            {head('visitors', 'Visitors')}
            {head('change', 'Change')}
            <th scope="col" class="trend">
              Trend
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.site_id}>
              <th scope="row">
                <button type="button" class="name" onClick={() => onPick(line.site_id)}>
                  <span class="ellipsis">{nameOf(line)}</span>
                  {detail && <span class="muted small">{detail(line)}</span>}
                </button>
              </th>
              <td title={line.visitors === null ? undefined : exact(line.visitors)}>{line.visitors === null ? '–' : count(line.visitors)}</td>
              <td>
                <Changed percent={line.change.visitors} />
              </td>
              <td class="trend">
                <Sparkline values={line.trend ?? []} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Changed({ percent }: { percent: number | null }) {
  if (percent === null) return <span class="muted">–</span>;
  const tone = percent === 0 ? '' : percent > 0 ? ' good' : ' bad';
  return <span class={`moved${tone}`}>{`${percent > 0 ? '+' : percent < 0 ? '−' : ''}${exact(Math.abs(percent))}%`}</span>;
}
