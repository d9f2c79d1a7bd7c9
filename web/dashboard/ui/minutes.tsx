// A bar a minute: page views, and within them visitors.
import { exact } from '../data/format';

interface Props {
  visitors: number[];
  pageviews: number[];
}

const STEP = 10;
const WIDTH = 7;
const HEIGHT = 72;

export function Minutes({ visitors, pageviews }: Props) {
  const most = Math.max(1, ...visitors, ...pageviews);
  const all = pageviews.reduce((sum, each) => sum + each, 0);
  const high = (value: number): number => (value ? Math.max(2, (value / most) * HEIGHT) : 0);
  const label = `Page views by the minute, the last half hour: ${exact(all)} in all, ${exact(Math.max(...pageviews))} at most`;
  return (
    <figure class="minutes">
      <svg viewBox={`0 0 ${pageviews.length * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {pageviews.map((views, at) => {
          const people = visitors[at] ?? 0;
          const ago = pageviews.length - 1 - at;
          return (
            <g key={at}>
              <title>
                {ago ? `${ago} min ago` : 'This minute'}: {exact(views)} page views, {exact(people)} visitors
              </title>
              <rect class="minute-room" x={at * STEP} y={0} width={STEP} height={HEIGHT} />
              <rect class="minute-views" x={at * STEP} y={HEIGHT - high(views)} width={WIDTH} height={high(views)} />
              <rect class="minute-people" x={at * STEP} y={HEIGHT - high(people)} width={WIDTH} height={high(people)} />
            </g>
          );
        })}
      </svg>
      <figcaption class="minutes-ends muted small">
        <span>30 min ago</span>
        <span class="minutes-keys">
          <span class="key-box views">Page views</span>
          <span class="key-box people">Visitors</span>
        </span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
