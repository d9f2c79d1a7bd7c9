// A query as a component sees it: its reply, or why there is none.
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { ApiError, Client, type Query, type Reply } from './api';

export interface Session {
  client: Client;
  beat: number; // goes up when what is shown should be asked again
}

export const SessionContext = createContext<Session>({ client: new Client(''), beat: 0 });

export interface Answer<Tag> {
  reply: Reply | undefined;
  tag: Tag; // of the question that `reply` answers
  stale: boolean; // `reply` answers the question before; another is on its way
  error: ApiError | undefined;
  retry: () => void;
}

interface State<Tag> {
  key: string;
  tag: Tag;
  reply?: Reply | undefined;
  error?: ApiError | undefined;
}

/** Asks again whenever the question changes. `tag` travels with it, so that a reply is never read with the
 *  labels of another question. null: nothing to ask. */
export function useQuery<Tag>(query: Query | null, tag: Tag): Answer<Tag> {
  const { client, beat } = useContext(SessionContext);
  const key = query ? JSON.stringify(query) : '';
  const [state, setState] = useState<State<Tag>>({ key: '', tag });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!query) return;
    const abort = new AbortController();
    client.query(query, abort.signal).then(
      (reply) => {
        if (!abort.signal.aborted) setState({ key, tag, reply });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError('server', String(error));
        setState((last) => ({ key, tag, reply: last.key === key ? last.reply : undefined, error: known }));
      },
    );
    return () => abort.abort();
  }, [client, key, beat, attempt]);

  return {
    reply: state.reply,
    tag: state.tag,
    stale: state.key !== key,
    error: state.key === key ? state.error : undefined,
    retry: () => {
      setState(({ key: last, tag: lastTag, reply }) => ({ key: last, tag: lastTag, reply }));
      setAttempt((count) => count + 1);
    },
  };
}
