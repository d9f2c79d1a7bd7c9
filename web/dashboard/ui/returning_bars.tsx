// A bar a day, week or month: returning visitors, and new ones on top of them.
import type { Row } from '../data/api';
import { count, exact } from '../data/format';
import type { Bucket } from '../data/known';
import type { Tick } from '../data/period';

interface Props {
  times: Tick[];
  rows: Row[]; // unique, new, returning
  step: Bucket;
}

const STEP = 10;
const WIDTH = 7.4;
const HEIGHT = 120;

interface Bar {
  time: Tick;
  fresh: number;
  returning: number;
}

export function ReturningBars({ times, rows, step }: Props) {
  const found = new Map(rows.map((row) => [row.dimensions[0]?.slice(0, 10), row.metrics]));
  const bars: Bar[] = times.map((time) => {
    const [, fresh, returning] = found.get(time.key) ?? [];
    return { time, fresh: fresh ?? 0, returning: returning ?? 0 };
  });
  const most = Math.max(1, ...bars.map(({ fresh, returning }) => fresh + returning));
  const high = (value: number): number => (value ? Math.max(1, (value / most) * HEIGHT) : 0);
  return (
    <figure class="returning-bars">
      <span class="muted small">{count(most)} at most</span>
      <svg
        viewBox={`0 0 ${bars.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`New and returning visitors by the ${step}, ${exact(most)} at most; the figures are in the table that follows`}
      >
        {bars.map((bar, at) => (
          <g key={bar.time.key}>
            <title>{sentence(bar)}</title>
            <rect class="bar-room" x={at * STEP} y={0} width={STEP} height={HEIGHT} />
            <rect class="bar-returning" x={at * STEP} y={HEIGHT - high(bar.returning)} width={WIDTH} height={high(bar.returning)} />
            <rect
              class="bar-new"
              x={at * STEP}
              y={HEIGHT - high(bar.returning) - high(bar.fresh)}
              width={WIDTH}
              height={high(bar.fresh)}
            />
          </g>
        ))}
      </svg>
      <figcaption class="minutes-ends muted small">
        <span>{times[0]?.short}</span>
        <span class="minutes-keys">
          <span class="key-box new">New</span>
          <span class="key-box returning">Returning</span>
        </span>
        <span>{times.length > 1 && times[times.length - 1]?.short}</span>
      </figcaption>
      <AsTable bars={bars} />
    </figure>
  );
}

const sentence = ({ time, fresh, returning }: Bar): string =>
  `${time.text}: ${exact(fresh)} new, ${exact(returning)} returning`;

function AsTable({ bars }: { bars: Bar[] }) {
  return (
    <div class="unseen">
      <table>
        <caption>New and returning visitors over time</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">New</th>
            <th scope="col">Returning</th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ time, fresh, returning }) => (
            <tr key={time.key}>
              <th scope="row">{time.text}</th>
              <td>{exact(fresh)}</td>
              <td>{exact(returning)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
