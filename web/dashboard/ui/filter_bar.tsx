// What is filtered by: saved segments to pick, and the filters in force.
import { SEGMENT } from '../data/dimensions';
import { useSegments } from '../data/use_saved';
import type { Condition } from '../data/view';
import { Chips } from './chips';
import { Menu, MenuItem } from './menu';

interface Props {
  site: string;
  conditions: Condition[];
  onChange: (conditions: Condition[]) => void;
}

export function FilterBar({ site, conditions, onChange }: Props) {
  const segments = useSegments(site);
  if (segments.length === 0 && conditions.length === 0) return null;
  const on = (name: string): Condition | undefined =>
    conditions.find(({ dimension, value }) => dimension === SEGMENT && value === name);
  return (
    <div class="filter-bar">
      {segments.length > 0 && (
        <Menu label="Filter by" text="Segments" class="segment-menu">
          {(close) =>
            segments.map(({ id, name }) => (
              <MenuItem
                key={id}
                on={on(name) !== undefined}
                onPick={() => {
                  const now = on(name);
                  onChange(
                    now
                      ? conditions.filter((each) => each !== now)
                      : [...conditions, { dimension: SEGMENT, value: name }],
                  );
                  close();
                }}
              >
                {name}
              </MenuItem>
            ))
          }
        </Menu>
      )}
      <Chips
        conditions={conditions}
        onRemove={(gone) => onChange(conditions.filter((each) => each !== gone))}
        onClear={() => onChange([])}
      />
    </div>
  );
}
