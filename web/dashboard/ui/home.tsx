// What a token opens: the list of all of it, or the dashboard of one.
import { useMemo } from 'preact/hooks';
import type { Client, Site } from '../data/api';
import { Dashboard } from './dashboard';
import { SiteList } from './site_list';
import { useView } from './use_view';

const FEW = 2; // one and another are in the menu: with more, the list is what one wants first

interface Props {
  client: Client;
  sites: Site[]; // and views
  onLeave: () => void;
}

export function Home({ client, sites, onLeave }: Props) {
  const [view, change] = useView();
  const onList = useMemo(
    () => (sites.length > 1 ? () => change({ site: '', list: true, live: false, conditions: [] }) : undefined),
    [sites.length, change],
  );
  if (view.list || (!view.site && sites.length > FEW))
    return (
      <SiteList
        client={client}
        period={view.period}
        onPeriod={(period) => change({ period, list: true })}
        onPick={(site) => change({ site, list: false })}
        onLeave={onLeave}
      />
    );
  return <Dashboard {...{ client, sites, onLeave, onList }} />;
}
