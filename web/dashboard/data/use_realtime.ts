// Who is there now: sent by the server while somebody looks; where that cannot be, asked for now and then.
import { useEffect, useState } from 'preact/hooks';
import type { Client, Realtime } from './api';
import { follow } from './stream';

const ASK_EVERY_MS = 10_000;
const ASKED_BEFORE_STREAM = 6; // then the stream is tried again

export interface Live {
  figures: Realtime | undefined; // better none than old ones
  failed: boolean;
}

const NOTHING: Live = { figures: undefined, failed: false };

export function useRealtime(client: Client, site: string): Live {
  const [live, setLive] = useState<Live>(NOTHING);
  const seen = useVisible();

  useEffect(() => setLive(NOTHING), [client, site]);
  useEffect(() => {
    if (!seen) return;
    const abort = new AbortController();
    const show = (figures: Realtime | undefined): void => {
      if (!abort.signal.aborted) setLive({ figures, failed: !figures });
    };
    void keepUp(client, site, show, abort.signal);
    return () => abort.abort();
  }, [client, site, seen]);
  return live;
}

async function keepUp(
  client: Client,
  site: string,
  show: (figures: Realtime | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let came = false;
    await follow(
      client,
      site,
      (figures) => {
        came = true;
        show(figures);
      },
      signal,
    ).catch(() => {}); // whatever it was: ask
    for (let asked = 0; asked < (came ? 1 : ASKED_BEFORE_STREAM) && !signal.aborted; asked++) {
      await client.realtime(site, signal).then(show, () => show(undefined));
      await pause(ASK_EVERY_MS, signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function useVisible(): boolean {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = (): void => setVisible(!document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return visible;
}
