// A site nobody has been seen on: what to paste, and a wait that ends by itself.
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Site } from '../data/api';
import { isKnown } from '../data/known';
import { SessionContext } from '../data/use_query';
import { Logo } from './logo';

const EVERY_MS = 3_000;

export function EmptySite({ site }: { site: Site }) {
  const tracker = isKnown(site) ? 't.cookie.js' : 't.js';
  const snippet = `<script defer data-domain="${site.domain}" src="${location.origin}/${tracker}"></script>`;
  const [copied, setCopied] = useState(false);
  const { client } = useContext(SessionContext);

  useEffect(() => {
    const abort = new AbortController();
    const timer = setInterval(() => {
      client
        .query({ site_id: site.domain, metrics: ['pageviews'], date_range: 'all' }, abort.signal)
        .then(({ results }) => {
          if (results[0]?.metrics[0]) location.assign(`?site=${encodeURIComponent(site.domain)}&period=today`);
        })
        .catch(() => {}); // the next try may do
    }, EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [client, site.domain]);

  return (
    <main class="page">
      <section class="card empty">
        <Logo size={64} />
        <h1>Waiting for the first visitor</h1>
        <p class="muted">
          Put this line into the head of every page of <b>{site.domain}</b>. This page opens by itself as soon
          as somebody has been seen.
          {isKnown(site) && (
            <>
              {' '}
              Nobody is counted before your banner calls <code>tamis.consent(true)</code>.
            </>
          )}
        </p>
        <pre tabIndex={0}>
          <code>{snippet}</code>
        </pre>
        <button
          type="button"
          class="primary"
          onClick={() => {
            navigator.clipboard?.writeText(snippet).then(
              () => setCopied(true),
              () => setCopied(false),
            );
          }}
        >
          {copied ? 'Copied' : 'Copy the line'}
        </button>
      </section>
    </main>
  );
}
