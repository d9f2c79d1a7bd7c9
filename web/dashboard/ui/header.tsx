import { titleOf, type Site } from '../data/api';
import type { Range } from '../data/period';
import type { Live as LiveFigures } from '../data/use_realtime';
import type { View } from '../data/view';
import { Live } from './live';
import { Logo } from './logo';
import { Menu, MenuItem } from './menu';
import { PeriodPicker } from './period_picker';

interface Props {
  sites: Site[];
  site: Site;
  view: View;
  range: Range;
  live: LiveFigures;
  onChange: (change: Partial<View>) => void;
  onLeave: () => void;
  onList: (() => void) | undefined;
}

export function Header({ sites, site, view, range, live, onChange, onLeave, onList }: Props) {
  return (
    <header class="top">
      <div class="brand">
        <Logo />
        <span class="wordmark">Tamis</span>
      </div>
      <Menu label="Site" text={titleOf(site)} class="site-menu">
        {(close) => (
          <>
            {onList && (
              <MenuItem on={false} onPick={onList}>
                All sites
              </MenuItem>
            )}
            {sites.map((each) => (
              <MenuItem
                key={each.domain}
                on={each === site}
                onPick={() => {
                  onChange({ site: each.domain, conditions: [] });
                  close();
                }}
              >
                {titleOf(each)}
              </MenuItem>
            ))}
          </>
        )}
      </Menu>
      <Live live={live} open={view.live} onToggle={() => onChange({ live: !view.live })} />
      <span class="gap" />
      <PeriodPicker view={view} range={range} zone={site.timezone} onChange={onChange} />
      <button type="button" class="quiet" onClick={onLeave}>
        Log out
      </button>
    </header>
  );
}
