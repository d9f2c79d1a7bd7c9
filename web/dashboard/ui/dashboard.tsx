// One site's figures. All of it follows one view (site, period, filters), so all of it always agrees.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { METRICS, isView, titleOf, type Client, type Query, type Site } from '../data/api';
import { PANELS, VIEW_PANELS, byAlias, type Dimension, type PanelSpec } from '../data/dimensions';
import { isKnown } from '../data/known';
import { rangeOf } from '../data/period';
import { SessionContext, useQuery } from '../data/use_query';
import { useRealtime, type Live } from '../data/use_realtime';
import { filtersOf, holds } from '../data/view';
import { EmptySite } from './empty_site';
import { FilterBar } from './filter_bar';
import { Header } from './header';
import { Known } from './known';
import { Now } from './now';
import { Overview } from './overview';
import { Panel } from './panel';
import { useReports } from './use_reports';
import { useView } from './use_view';
import { Vitals } from './vitals';

const BEAT_MS = 30_000;

interface Props {
  client: Client;
  sites: Site[];
  onLeave: () => void;
  onList: (() => void) | undefined; // to all of them
}

export function Dashboard({ client, sites, onLeave, onList }: Props) {
  const [view, change] = useView();
  const site = sites.find(({ domain }) => domain === view.site) ?? (sites[0] as Site);
  const beat = useBeat();
  // A new beat may be a new day.
  const range = useMemo(
    () => rangeOf(view.period, site.timezone, view.custom, view.comparison),
    [view.period, view.custom?.join(), view.comparison, site.timezone, beat],
  );
  const session = useMemo(() => ({ client, beat: range.live ? beat : 0 }), [client, range.live && beat]);

  const live = useRealtime(client, site.domain);
  const forgets = site.profile !== 'consented'; // where a cookie may be set, promise nothing

  useEffect(() => {
    document.title = `${titleOf(site)} · Tamis`;
  }, [titleOf(site)]);

  return (
    <SessionContext.Provider value={session}>
      <Header {...{ sites, site, view, range, live, onLeave, onList }} onChange={change} />
      <Body key={site.domain} {...{ site, view, range, live, change }} />
      <footer class="foot">
        {isView(site.domain) && <p>Each site’s visitors are counted for themselves: who is on two sites counts twice.</p>}
        {range.from !== range.to && (
          <p id="added-up">
            * Over several days, visitors are <em>daily visitors, added up</em>: who comes on two days counts
            twice{forgets && `, because Tamis forgets everyone at midnight (${site.timezone})`}.
          </p>
        )}
        {forgets && <p>No cookies, no profiles, nothing that outlives the day.</p>}
      </footer>
    </SessionContext.Provider>
  );
}

interface BodyProps {
  site: Site;
  view: ReturnType<typeof useView>[0];
  range: ReturnType<typeof rangeOf>;
  live: Live;
  change: ReturnType<typeof useView>[1];
}

function Body({ site, view, range, live, change }: BodyProps) {
  const base: Query = {
    site_id: site.domain,
    metrics: [...METRICS],
    date_range: [range.from, range.to],
    filters: filtersOf(view.conditions),
  };
  const totals = useQuery(base, range);
  const row = totals.reply?.results[0];
  const failed = totals.error && !totals.reply; // said once, above, not once more in each panel
  const nothing = !totals.stale && row !== undefined && row.metrics.every((value) => !value);
  const ever = useQuery(
    nothing && view.conditions.length === 0
      ? { site_id: site.domain, metrics: ['pageviews'], date_range: 'all' }
      : null,
    null,
  );
  const reports = useReports(site, base);
  const everCounted = ever.reply?.results[0]?.metrics[0];

  const page = byAlias('page') as Dimension;
  const pick = (dimension: Dimension, value: string): void =>
    change({
      conditions: holds(view, dimension, value)
        ? view.conditions.filter((each) => each.dimension !== dimension || each.value !== value)
        : [...view.conditions, { dimension, value }],
    });
  const panel = (spec: PanelSpec) => (
    <Panel
      key={spec.id}
      spec={spec}
      base={base}
      total={row?.metrics[0] ?? 0}
      tab={view.tabs[spec.id]}
      onTab={(alias) => change({ tabs: { ...view.tabs, [spec.id]: alias } })}
      isOn={(dimension, value) => holds(view, dimension, value)}
      onPick={pick}
    />
  );

  const panels = isView(site.domain) ? VIEW_PANELS : PANELS;
  if (nothing && everCounted === 0 && !isView(site.domain)) return <EmptySite site={site} />;
  return (
    <main class="page">
      {view.live && <Now live={live} onClose={() => change({ live: false })} />}
      <FilterBar
        site={site.domain}
        conditions={view.conditions}
        onChange={(conditions) => change({ conditions })}
      />
      <Overview {...{ site, range, base, totals }} figure={view.figure} onFigure={(figure) => change({ figure })} />
      <div class="panels">
        {(!failed ? panels : []).map(panel)}
        {!failed && (
          <Vitals base={base} isOn={(value) => holds(view, page, value)} onPick={(value) => pick(page, value)} />
        )}
      </div>
      {!failed && isKnown(site) && <Known {...{ site, range, view, change }} onPick={pick} />}
      {!failed && reports.length > 0 && <div class="panels reports">{reports.map(panel)}</div>}
    </main>
  );
}

/** Counts up while somebody looks. */
function useBeat(): number {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    const next = (): void => {
      if (!document.hidden) setBeat((count) => count + 1);
    };
    const timer = setInterval(next, BEAT_MS);
    document.addEventListener('visibilitychange', next);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', next);
    };
  }, []);
  return beat;
}
