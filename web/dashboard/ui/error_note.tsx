import type { ApiError, Failure } from '../data/api';

const HINTS: Record<Failure, string> = {
  unauthorised: 'Log in again with a valid token.',
  refused: '',
  server: 'Its log says more.',
  network: 'Check that the server runs and that you are online.',
  timeout: 'A shorter period may help.',
};

export function ErrorNote({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  return (
    <div class="error-note" role="alert">
      <p>
        <b>{error.message}</b> {HINTS[error.failure]}
      </p>
      {error.failure !== 'refused' && (
        <button type="button" class="secondary" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
