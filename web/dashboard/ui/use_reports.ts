// The reports there is something to say in: asked by one question that roll-ups answer, so that a site without
// such events pays nothing for them.
import type { Query, Site } from '../data/api';
import { REPORTS, type PanelSpec } from '../data/dimensions';
import { useQuery } from '../data/use_query';

const MANY_NAMES = 1000;

export function useReports(site: Site, base: Query): readonly PanelSpec[] {
  const keepsProperties = site.profile !== 'cnil';
  const query: Query = {
    ...base,
    metrics: ['events'],
    dimensions: ['event:name'],
    order_by: [['events', 'desc']],
    pagination: { limit: MANY_NAMES },
  };
  const { reply } = useQuery(keepsProperties ? query : null, null);
  const names = new Set(reply?.results.map(({ dimensions: [name] }) => name));
  return REPORTS.filter(({ event }) => names.has(event));
}
