// t.cookie.js — t.js for sites that ask for consent and may then know who comes back: silent until tamis.consent(true),
// then with a cookie. tamis.consent(false), or anything but true, refuses or withdraws: the cookie goes, and the server
// is told to forget it. All else is t.ts.
// Attribute of its script tag, beside those of t.js: data-cookie-domain (one cookie for all hosts under it).

import { api, data, refused } from './t';
import { forget, given, post, refuse, release, remember, visitor } from './gate';

const consent = (yes: unknown): void => {
  const id = visitor();
  if (yes !== true || refused()) {
    refuse();
    forget();
    if (id) post(new URL('forget', new URL(api, document.baseURI)), { d: data.domain || location.hostname, id });
  } else {
    if (!id) remember(data.cookieDomain);
    release(api);
  }
};

(window as typeof window & { tamis: { consent?: typeof consent } }).tamis.consent = consent;

// Who objects by a signal of the browser after they had agreed is forgotten too.
if (refused() && visitor()) consent(false);
else if (given !== undefined) consent(given);

// Agreed to in another tab.
addEventListener('focus', () => release(api));
