// Notes on days, above the chart: a small mark each, whose text shows when it is pointed at or focused.
import type { Mark } from '../data/marks';

interface Props {
  marks: Mark[];
  places: number[]; // px from the left, one a mark
  width: number;
}

const WIDEST = 300;
const ROOM = 24; // beside the mark

export function Marks({ marks, places, width }: Props) {
  if (marks.length === 0) return null;
  return (
    <ul class="marks" aria-label="Notes on days">
      {marks.map(({ at, text }, index) => {
        const left = places[index];
        if (left === undefined) return null;
        const flip = left > width / 2;
        const free = (flip ? left : width - left) - ROOM;
        return (
          <li key={at} style={{ left: `${left}px` }}>
            <button type="button" class="mark" aria-label={text} />
            <span
              class={flip ? 'mark-text flip' : 'mark-text'}
              style={{ maxWidth: `${Math.min(WIDEST, free)}px` }}
              aria-hidden="true"
            >
              {text}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
