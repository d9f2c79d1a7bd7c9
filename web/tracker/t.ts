// t.js — the tracker. What comes in: the page it runs on. What goes out: small JSON events to /api/event.
// It writes nothing to the browser (no cookie, no storage) and sends no more of an address than the
// server may keep. At most 1,024 bytes under brotli: the build fails beyond that, so code here is terse, and
// lists stand in the order that takes fewest bytes.
// Attributes of its script tag: data-domain, data-api, data-local (count localhost and automation too).
// The format is Plausible's events API (short keys) with one more: z, the browser's time zone.

type Values = Record<string, string | number | boolean>;

interface Options {
  props?: Values;
  revenue?: { currency: string; amount: number | string };
  interactive?: boolean;
  callback?: (result?: { status: number } | { error: unknown }) => void;
}

interface Tamis {
  (name: string, options?: Options): void;
  q?: [string, Options?][];
}

interface Measured {
  sd: number; // deepest scroll, per cent
  e: number; // engaged time, ms
}

const win = window as typeof window & { tamis?: Tamis; plausible?: Tamis; tamisOptOut?: boolean };
const doc = document;
const place = location;
const nav = navigator as Navigator & { globalPrivacyControl?: boolean; doNotTrack?: string };
const { dataset: data, src } = doc.currentScript as HTMLScriptElement;
const api = data.api || new URL('/api/event', src);

let path: string | undefined; // of the page counted last
let since = 0; // when attention began; 0: nobody is looking
let engaged = 0;
let deepest = 0;
let reported = 0;

// The page's address without fragment, credentials and any query key but those that name a source or what was
// searched for.
const address = (): string =>
  place.origin +
  place.pathname +
  place.search.replace(/[?&](?!(s|ref|keyword|utm_\w+|source|q|search|query)=)[^&]*/g, '').replace(/^&/, '?');

let url = address();

// Storage is read for the opt-out only, last, and may be forbidden altogether.
const refused = (): boolean | undefined => {
  try {
    return (
      nav.globalPrivacyControl ||
      nav.doNotTrack == '1' ||
      win.tamisOptOut ||
      (data.local == null && (nav.webdriver || /^(localhost|127[\d.]+)?$/.test(place.hostname))) ||
      localStorage.tamis_ignore == 'true'
    );
  } catch {}
};

const send: (name: string, options?: Options, measured?: Measured) => void = (
  name,
  { props, revenue, interactive, callback = () => {} } = {},
  measured,
) => {
  if (refused()) callback();
  else
    fetch(api, {
      method: 'POST',
      keepalive: true,
      body: JSON.stringify({
        u: url,
        i: interactive,
        d: data.domain || place.hostname,
        z: Intl.DateTimeFormat().resolvedOptions().timeZone,
        $: revenue,
        n: name,
        p: props,
        r: doc.referrer.split('?')[0],
        ...measured,
      }),
    }).then(callback, (error) => callback({ error }));
};

const look = (): void => {
  const now = Date.now();
  if (since) engaged += now - since;
  since = doc.hasFocus() && !doc.hidden ? now : 0;
};

const measure = (): void => {
  deepest = Math.max(
    deepest,
    (((scrollY + innerHeight) / doc.documentElement.scrollHeight) * 100 + 0.5) | 0,
  );
};

const leave = (): void => {
  look();
  measure();
  if (path && (deepest > reported || engaged > 3e3)) {
    send('engagement', {}, { sd: (reported = deepest), e: engaged | 0 });
    engaged = 0;
  }
};

// Called whenever the address or the visibility may have changed. A page opened in the background or
// prerendered counts when it is first seen.
const enter = (): void => {
  look();
  if (doc.hidden) leave();
  else if (path != place.pathname) {
    leave();
    engaged = deepest = reported = 0;
    path = place.pathname;
    url = address();
    send('pageview');
    if (doc.querySelector('[name=tamis][content="404"],[data-tamis="404"]'))
      send('404', { props: { path }, interactive: false });
  }
};

const click = ({ target, button }: MouseEvent): void => {
  const link = (target as Element).closest<HTMLAnchorElement>('a[href]');
  if (!link?.host || button > 1) return; // no host: mailto, tel, blob
  const props = { url: link.host + link.pathname };
  if (
    link.matches('[download]') ||
    /\.(pptx?|dmg|7z|pdf|msi|od[pst]|apk|docx?|mov|exe|rar|csv|gz|epub|zip|xlsx?|mp[34])$/i.test(link.pathname)
  )
    send('File Download', { props });
  else if (link.host !== place.host) send('Outbound Link: Click', { props });
};

for (const name of ['pushState', 'replaceState'] as const) {
  const original = history[name];
  history[name] = (...args) => {
    original.apply(history, args);
    enter();
  };
}

addEventListener('popstate', enter);
addEventListener('auxclick', click, true);
addEventListener('focus', look);
addEventListener('click', click, true);
addEventListener('visibilitychange', enter);
addEventListener('pagehide', leave);
addEventListener('blur', look);
addEventListener('scroll', measure);
// Back from the browser's page cache: seen once more.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) path = '';
  enter();
});

enter();
const queued = [win.tamis, win.plausible].flatMap((stub) => stub?.q || []);
win.tamis = win.plausible = send;
queued.map((call) => send(...call));

export { api, data, refused }; // for t.cookie.ts
