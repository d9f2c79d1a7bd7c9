// gate.ts — stands in t.cookie.js wherever t.ts says fetch (tools/web_bundle.ts puts it there). What goes in: the events
// of t.ts. What goes out: nothing without the visitor's cookie; with it, the same events and its value as id.
// The cookie is also the memory of the consent. It is read at each use, so that all tabs agree.

interface Sent {
  n: string;
  u: string;
}

const win = window as typeof window & { tamis?: { given?: unknown } };

/** What was said to a stub before this script had loaded; undefined: nothing. */
export const given = win.tamis?.given;

/** The cookie's value; undefined: no consent, or withdrawn. */
export const visitor = (): string | undefined =>
  /(?:^|; )tamis_id=(\d+\.[\da-f]{32})/.exec(document.cookie)?.[1];

const write = (value: string, domain?: string): void => {
  document.cookie =
    `tamis_id=${value};Path=/;SameSite=Lax` +
    (domain ? `;Domain=${domain}` : '') +
    (location.protocol == 'https:' ? ';Secure' : '');
};

export const remember = (domain?: string): void => {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => (byte % 16).toString(16)).join('');
  write(`${Math.floor(Date.now() / 1e3)}.${hex};Max-Age=33696000`, domain); // 390 days, below 13 months; never extended
};

/** Takes the cookie away, for whichever domain it was made. */
export const forget = (): void => {
  write(';Max-Age=0');
  location.hostname.split('.').map((_, at, all) => write(';Max-Age=0', all.slice(at).join('.')));
};

type Told = Response | { error: unknown };

/** Never rejects: what t.ts does not wait for must not trouble the page. */
export const post = (to: string | URL, body: object): Promise<Told> =>
  win
    .fetch(to, { method: 'POST', keepalive: true, body: JSON.stringify(body) })
    .catch((error: unknown) => ({ error }));

let held: Sent[] = []; // of the page in view, in memory only
let refused = false; // of such a visitor only the page's view is held, should they think better of it

export const release = (api: string | URL): Promise<Told> | undefined => {
  const id = visitor();
  return id ? held.splice(0).map((event) => post(api, { ...event, id })).pop() : undefined;
};

export const refuse = (): void => {
  refused = true;
  held = held.filter(({ n }) => n == 'pageview');
};

export const fetch = async (api: string | URL, { body }: { body: string }): Promise<Told | undefined> => {
  const event = JSON.parse(body) as Sent;
  const isView = event.n == 'pageview';
  if (isView) held = held.filter(({ u }) => u == event.u); // nothing of a page that was left behind
  if (isView || !refused || visitor()) held.push(event);
  return release(api);
};
