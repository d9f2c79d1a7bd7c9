// What a site with a visitor cookie knows besides: who is new, who returns, who comes back later.
import type { Site } from '../data/api';
import { VISITOR, type Dimension } from '../data/dimensions';
import { COHORTS, type CohortPeriod } from '../data/known';
import type { Range } from '../data/period';
import { holds, type View } from '../data/view';
import { CohortsPanel } from './cohorts';
import { Returning } from './returning';

interface Props {
  site: Site;
  range: Range;
  view: View;
  change: (change: Partial<View>) => void;
  onPick: (dimension: Dimension, value: string) => void;
}

export function Known({ site, range, view, change, onPick }: Props) {
  const tab = view.tabs[COHORTS.id] ?? COHORTS.dimensions[0].alias;
  const filtered = view.conditions.some(({ dimension }) => dimension !== VISITOR);
  return (
    <>
      <Returning
        {...{ site, range, filtered }}
        isOn={(value) => holds(view, VISITOR, value)}
        onPick={(value) => onPick(VISITOR, value)}
      />
      {!filtered && (
        <CohortsPanel
          site={site}
          period={tab as CohortPeriod}
          onPeriod={(period) => change({ tabs: { ...view.tabs, [COHORTS.id]: period } })}
        />
      )}
    </>
  );
}
