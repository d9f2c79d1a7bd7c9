import { useState } from 'preact/hooks';
import { Logo } from './logo';

export function Login({ notice, onToken }: { notice: string; onToken: (token: string) => void }) {
  const [token, setToken] = useState('');
  return (
    <main class="login">
      <form
        class="card login-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim()) onToken(token.trim());
        }}
      >
        <Logo size={56} />
        <h1>Tamis</h1>
        <p class="muted">Enough to know how your site does. Nothing about who came.</p>
        {notice && (
          <p class="login-notice" role="alert">
            {notice}
          </p>
        )}
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          value={token}
          aria-describedby="token-help"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          Log in
        </button>
        <p id="token-help" class="muted small">
          Make one with <code>tamis token add --site example.com</code>. It stays in this tab.
        </p>
      </form>
    </main>
  );
}
