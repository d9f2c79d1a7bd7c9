import { useState } from 'preact/hooks';
import { isDay, today } from '../data/day';
import { PERIODS, type Period, type Range } from '../data/period';
import type { View } from '../data/view';
import { ComparisonPicker } from './comparison_picker';
import { Menu, MenuItem } from './menu';

interface Props {
  view: View;
  range: Range;
  zone: string;
  onChange: (change: Partial<View>) => void;
}

export function PeriodPicker({ view, range, zone, onChange }: Props) {
  return (
    <Menu label="Period" text={range.text} class="period-menu">
      {(close) => (
        <>
          {Object.entries(PERIODS).map(([period, text]) => (
            <MenuItem
              key={period}
              on={view.period === period}
              onPick={() => {
                onChange({ period: period as Period });
                close();
              }}
            >
              {text}
            </MenuItem>
          ))}
          {view.period !== '12mo' && (
            <ComparisonPicker
              comparison={view.comparison}
              onPick={(comparison) => {
                onChange({ comparison });
                close();
              }}
            />
          )}
          <CustomRange
            from={range.from}
            to={range.to}
            last={today(zone)}
            onPick={(from, to) => {
              onChange({ period: 'custom', custom: [from, to] });
              close();
            }}
          />
        </>
      )}
    </Menu>
  );
}

interface CustomProps {
  from: string;
  to: string;
  last: string;
  onPick: (from: string, to: string) => void;
}

function CustomRange({ from, to, last, onPick }: CustomProps) {
  const [start, setStart] = useState(from);
  const [end, setEnd] = useState(to);
  const fine = isDay(start) && isDay(end) && start <= end;
  return (
    <form
      class="custom-range"
      onSubmit={(event) => {
        event.preventDefault();
        // What the fields hold now, which may be newer than what was last drawn.
        const fields = new FormData(event.currentTarget);
        const [first, final] = [String(fields.get('from')), String(fields.get('to'))];
        if (isDay(first) && isDay(final) && first <= final) onPick(first, final);
      }}
    >
      <label>
        From
        <input type="date" name="from" value={start} max={last} onInput={(event) => setStart(event.currentTarget.value)} />
      </label>
      <label>
        To
        <input type="date" name="to" value={end} max={last} onInput={(event) => setEnd(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={!fine}>
        Show these days
      </button>
    </form>
  );
}
