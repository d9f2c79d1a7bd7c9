// Figures that are of a part of the period only: older rows were purged, and roll-ups cannot answer in their place.
import type { Reply } from '../data/api';
import { rangeText } from '../data/format';

export function ReachNote({ reply }: { reply: Reply | undefined }) {
  const from = reply?.meta?.raw_rows_from;
  if (!from) return null;
  return (
    <p class="muted small reach-note">Of the days since {rangeText(from, from)} only: rows from before have been deleted.</p>
  );
}
