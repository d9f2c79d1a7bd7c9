// What the site's owner saved: segments to filter by, notes on days. Both are extras: without them the rest goes on.
import { useContext, useEffect, useState } from 'preact/hooks';
import { isView, type Annotation, type Client, type Segment } from './api';
import type { Day } from './day';
import { SessionContext } from './use_query';

/** What `ask` gives for this key; empty until then, and when it fails. */
function useList<Item>(key: string, ask: (client: Client, signal: AbortSignal) => Promise<Item[]>): Item[] {
  const { client } = useContext(SessionContext);
  const [list, setList] = useState<{ key: string; items: Item[] }>({ key, items: [] });
  useEffect(() => {
    const abort = new AbortController();
    ask(client, abort.signal).then(
      (items) => setList({ key, items }),
      () => setList({ key, items: [] }),
    );
    return () => abort.abort();
  }, [client, key]);
  return list.key === key ? list.items : [];
}

export const useSegments = (site: string): Segment[] =>
  useList(site, async (client, signal) => (isView(site) ? [] : client.segments(site, signal)));

export const useAnnotations = (site: string, from: Day, to: Day): Annotation[] =>
  useList(`${site} ${from} ${to}`, (client, signal) => client.annotations(site, from, to, signal));
