// Who is there now: visitors of the last five minutes, asked again every ten seconds while somebody looks.
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Site } from '../data/api';
import { exact } from '../data/format';
import { SessionContext } from '../data/use_query';

const EVERY_MS = 10_000;
const WINDOW_MS = 5 * 60_000;

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

export function Live({ site }: { site: Site }) {
  const { client } = useContext(SessionContext);
  const [visitors, setVisitors] = useState<number>();

  useEffect(() => {
    const abort = new AbortController();
    const ask = (): void => {
      if (document.hidden) return;
      // The second now running is not over: ask until the next.
      const now = Date.now() + 1000;
      client
        .query(
          {
            site_id: site.domain,
            metrics: ['visitors'],
            date_range: [iso(now - WINDOW_MS), iso(now)],
            filters: [['is_not', 'event:name', ['engagement']]],
          },
          abort.signal,
        )
        .then(
          ({ results }) => setVisitors(results[0]?.metrics[0] ?? 0),
          () => {
            if (!abort.signal.aborted) setVisitors(undefined); // better no figure than an old one
          },
        );
    };
    ask();
    const timer = setInterval(ask, EVERY_MS);
    document.addEventListener('visibilitychange', ask);
    return () => {
      abort.abort();
      clearInterval(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, [client, site.domain]);

  if (visitors === undefined) return <span class="live" />;
  return (
    <span class="live" title="Different visitors in the last five minutes">
      <span class={visitors ? 'live-dot on' : 'live-dot'} aria-hidden="true" />
      <span>
        <b>{exact(visitors)}</b> <span class="wide">{visitors === 1 ? 'visitor' : 'visitors'} </span>now
      </span>
    </span>
  );
}
