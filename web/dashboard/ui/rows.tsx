// A breakdown as a table: name, visitors, share. The name is a button that filters by it.
import type { Row } from '../data/api';
import type { Dimension } from '../data/dimensions';
import { nameOf } from '../data/dimensions';
import { count, exact, isCountryCode, share } from '../data/format';

interface Props {
  dimension: Dimension;
  rows: Row[];
  total: number; // visitors of the whole period
  second: string | undefined; // label of a second metric, shown in place of the share
  isOn: (value: string) => boolean;
  onPick: (value: string) => void;
}

export function Rows({ dimension, rows, total, second, isOn, onPick }: Props) {
  const most = Math.max(1, ...rows.map((row) => row.metrics[0] ?? 0));
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">{dimension.singular}</th>
          <th scope="col">Visitors</th>
          <th scope="col">{second ?? 'Share'}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const value = row.dimensions[0] ?? '';
          const visitors = row.metrics[0] ?? 0;
          return (
            <tr key={value}>
              <th scope="row">
                <span class="bar" style={{ width: `${(100 * visitors) / most}%` }} />
                <Name {...{ dimension, value }} on={isOn(value)} onPick={() => onPick(value)} />
              </th>
              <td title={exact(visitors)}>{count(visitors)}</td>
              <td class="muted">{second ? count(row.metrics[1] ?? 0) : share(visitors, total)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface NameProps {
  dimension: Dimension;
  value: string;
  on: boolean;
  onPick: () => void;
}

function Name({ dimension, value, on, onPick }: NameProps) {
  if (!value)
    return (
      <span class="name muted" title="Not known, or not shown because too few came">
        Unknown
      </span>
    );
  const name = nameOf(dimension, value);
  return (
    <button type="button" class="name" title={name} aria-pressed={on} onClick={onPick}>
      {dimension.alias === 'country' && isCountryCode(value) && (
        <span class="code" aria-hidden="true">
          {value}
        </span>
      )}
      <span class="ellipsis">{name}</span>
    </button>
  );
}
