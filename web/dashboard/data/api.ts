// The server's side of the dashboard: the list of sites and the query API, with errors a person can act on.

import type { Headline, ViewHeadline } from './headlines';
import type { CohortPeriod, Cohorts, KnownMetric } from './known';
import type { Vital } from './vitals';

export interface Site {
  id: string | number;
  domain: string; // of a view "view:NAME"
  name?: string; // of a view
  timezone: string;
  profile?: string;
  visitor_cookie?: boolean; // visitors who agreed are known again
}

export const titleOf = (site: Site): string => site.name ?? site.domain;
export const isView = (site: string): boolean => site.startsWith('view:');

export const METRICS = ['visitors', 'visits', 'pageviews', 'bounce_rate', 'visit_duration'] as const;
export type Metric = (typeof METRICS)[number] | 'events';
export type Filter = [operator: 'is' | 'is_not', dimension: string, values: string[]];

export interface Query {
  site_id: string;
  metrics: (Metric | Vital | 'vitals' | KnownMetric)[];
  date_range: string | [from: string, to: string];
  dimensions?: string[];
  filters?: Filter[];
  order_by?: [by: string, direction: 'asc' | 'desc'][];
  pagination?: { limit: number; offset?: number };
}

export interface Row {
  metrics: (number | null)[];
  dimensions: (string | null)[];
}

export interface Reply {
  results: Row[];
  meta?: {
    hidden_below?: number; // rows of fewer visitors are left out, whether there are any or not
    raw_rows_from?: string; // the first day of which there are figures: rows of the days before are gone
    diary_from?: string | null; // the day since which visitors are known again
  };
}

export interface Segment {
  id: number;
  name: string;
}

export interface Annotation {
  id: number;
  date: string;
  to: string; // the last day; of one day the same
  text: string;
}

export interface RealtimeRow {
  name: string;
  visitors: number;
}

export interface Realtime {
  current_visitors: number;
  visitors: number;
  pageviews: number;
  minutes: { visitors: number[]; pageviews: number[] }; // the oldest first
  pages: RealtimeRow[];
  sources: RealtimeRow[];
  countries: RealtimeRow[];
  meta: { hidden_below?: number }; // rows of the lists
}

export type Failure = 'unauthorised' | 'refused' | 'server' | 'network' | 'timeout';

export class ApiError extends Error {
  constructor(
    readonly failure: Failure,
    message: string,
  ) {
    super(message);
  }
}

const PATIENCE_MS = 20_000;

export class Client {
  constructor(
    private readonly token: string,
    private readonly onUnauthorised: () => void = () => {},
  ) {}

  query(query: Query, signal?: AbortSignal): Promise<Reply> {
    const init = { method: 'POST', body: JSON.stringify(query) };
    return this.fetch<Reply>('/api/v2/query', init, signal);
  }

  async sites(signal?: AbortSignal): Promise<Site[]> {
    const reply = await this.fetch<Site[] | { sites: Site[] }>('/api/v1/sites', {}, signal);
    return Array.isArray(reply) ? reply : reply.sites;
  }

  siteHeadlines(words: Record<string, string>, signal?: AbortSignal): Promise<Headline[]> {
    return this.list<Headline>(`/api/v2/sites?${new URLSearchParams(words).toString()}`, signal);
  }

  viewHeadlines(words: Record<string, string>, signal?: AbortSignal): Promise<ViewHeadline[]> {
    return this.list<ViewHeadline>(`/api/v2/views?${new URLSearchParams(words).toString()}`, signal);
  }

  /** The views, as sites are. */
  async views(signal?: AbortSignal): Promise<Site[]> {
    const views = await this.viewHeadlines({ period: 'day' }, signal);
    return views.map(({ id, name, site_id: domain, timezone, profile }) => ({ id: `view:${id}`, domain, name, timezone, profile }));
  }

  realtime(site: string, signal?: AbortSignal): Promise<Realtime> {
    return this.fetch<Realtime>(`/api/v2/realtime?site_id=${encodeURIComponent(site)}`, {}, signal);
  }

  segments(site: string, signal?: AbortSignal): Promise<Segment[]> {
    return this.list<Segment>(`/api/v2/segments?site_id=${encodeURIComponent(site)}`, signal);
  }

  cohorts(site: string, period: CohortPeriod, periods: number, signal?: AbortSignal): Promise<Cohorts> {
    const path = `/api/v2/cohorts?site_id=${encodeURIComponent(site)}&period=${period}&periods=${periods}`;
    return this.fetch<Cohorts>(path, {}, signal);
  }

  annotations(site: string, from: string, to: string, signal?: AbortSignal): Promise<Annotation[]> {
    return this.list<Annotation>(
      `/api/v2/annotations?site_id=${encodeURIComponent(site)}&date_range=${from},${to}`,
      signal,
    );
  }

  /** A body that goes on for as long as it is read. */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { Authorization: `Bearer ${this.token}` };
    const response = await fetch(path, { credentials: 'omit', cache: 'no-store', signal, headers });
    if (response.ok && response.body) return response.body;
    const error = await refusal(response);
    if (error.failure === 'unauthorised') this.onUnauthorised();
    throw error;
  }

  private async list<Item>(path: string, signal?: AbortSignal): Promise<Item[]> {
    return (await this.fetch<{ results: Item[] }>(path, {}, signal)).results;
  }

  private async fetch<T>(path: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), PATIENCE_MS);
    const giveUp = (): void => limit.abort();
    signal?.addEventListener('abort', giveUp);
    try {
      const response = await fetch(path, {
        ...init,
        credentials: 'omit',
        cache: 'no-store',
        signal: limit.signal,
        headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      });
      if (!response.ok) throw await refusal(response);
      return (await response.json()) as T;
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.failure === 'unauthorised') this.onUnauthorised();
        throw error;
      }
      if (limit.signal.aborted) throw new ApiError('timeout', 'The server took too long to answer.');
      throw new ApiError('network', 'The server cannot be reached.');
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const said =
    body && typeof body === 'object' && 'error' in body && typeof body.error === 'string' ? body.error : '';
  if (response.status === 401 || response.status === 403)
    return new ApiError('unauthorised', said || 'This token is not accepted.');
  if (response.status < 500) return new ApiError('refused', said || 'The server refused this question.');
  return new ApiError('server', 'The server failed to answer.');
}
