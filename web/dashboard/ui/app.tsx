// The whole: a token, the sites and views it opens; or the reason why not.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError, Client, type Site } from '../data/api';
import { keepToken, takeToken } from '../data/token';
import { ErrorNote } from './error_note';
import { Home } from './home';
import { Login } from './login';
import { Skeleton } from './skeleton';

export function App() {
  const [token, setToken] = useState(takeToken);
  const [notice, setNotice] = useState('');
  const [sites, setSites] = useState<Site[]>();
  const [error, setError] = useState<ApiError>();
  const [attempt, setAttempt] = useState(0);

  const leave = (why: string): void => {
    keepToken('');
    setToken('');
    setSites(undefined);
    setNotice(why);
  };
  const client = useMemo(
    () => new Client(token, () => leave('This token is not accepted, or not any more.')),
    [token],
  );

  useEffect(() => {
    const take = (): void => setToken(takeToken());
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);

  useEffect(() => {
    if (!token) return;
    const abort = new AbortController();
    setError(undefined);
    const views = client.views(abort.signal).catch(() => []); // without them the rest goes on
    Promise.all([client.sites(abort.signal), views]).then(
      (lists) => {
        if (!abort.signal.aborted) setSites(lists.flat());
      },
      (reason: unknown) => {
        if (!abort.signal.aborted)
          setError(reason instanceof ApiError ? reason : new ApiError('server', String(reason)));
      },
    );
    return () => abort.abort();
  }, [client, attempt]);

  if (!token)
    return (
      <Login
        notice={notice}
        onToken={(given) => {
          keepToken(given);
          setNotice('');
          setToken(given);
        }}
      />
    );
  if (error && error.failure !== 'unauthorised')
    return (
      <main class="alone">
        <ErrorNote error={error} onRetry={() => setAttempt(attempt + 1)} />
      </main>
    );
  if (!sites)
    return (
      <main class="alone" aria-busy="true">
        <Skeleton lines={4} label="Loading your sites" />
      </main>
    );
  if (sites.length === 0)
    return (
      <main class="alone">
        <p class="note">
          This token opens no site yet. Add one with <code>tamis site add example.com</code>.
        </p>
      </main>
    );
  return <Home client={client} sites={sites} onLeave={() => leave('')} />;
}
