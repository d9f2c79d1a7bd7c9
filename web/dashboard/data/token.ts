// The token that opens the query API. It comes by the fragment (#token=…, which no server ever sees) or the
// form, lives in this tab's session storage, and is taken out of the address bar at once.

const KEY = 'tamis_token';

export function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    keepToken(given);
    history.replaceState(history.state, '', location.pathname + location.search);
    return given;
  }
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

export function keepToken(token: string): void {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is forbidden: the token lives as long as the page.
  }
}
