// Cohorts as a component sees them. They move slowly and are a walk through the whole diary: asked for once, not at each
// beat as figures are (use_query.ts).
import { useContext, useEffect, useState } from 'preact/hooks';
import { ApiError } from './api';
import { MOST_PERIODS, type CohortPeriod, type Cohorts } from './known';
import { SessionContext } from './use_query';

interface State {
  key: string;
  reply?: Cohorts;
  error?: ApiError;
}

export interface CohortsAnswer {
  reply: Cohorts | undefined;
  error: ApiError | undefined;
  retry: () => void;
}

export function useCohorts(site: string, period: CohortPeriod): CohortsAnswer {
  const { client } = useContext(SessionContext);
  const key = `${site} ${period}`;
  const [state, setState] = useState<State>({ key });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    client.cohorts(site, period, MOST_PERIODS, abort.signal).then(
      (reply) => setState({ key, reply }),
      (error: unknown) => {
        if (!abort.signal.aborted)
          setState({ key, error: error instanceof ApiError ? error : new ApiError('server', String(error)) });
      },
    );
    return () => abort.abort();
  }, [client, key, attempt]);

  const now = state.key === key ? state : undefined;
  return {
    reply: now?.reply,
    error: now?.error,
    retry: () => {
      setState({ key });
      setAttempt((count) => count + 1);
    },
  };
}
