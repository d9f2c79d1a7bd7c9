// How many are there now. Opens and closes the card that says more.
import { exact } from '../data/format';
import type { Live as Figures } from '../data/use_realtime';

interface Props {
  live: Figures;
  open: boolean;
  onToggle: () => void;
}

export function Live({ live, open, onToggle }: Props) {
  const visitors = live.figures?.current_visitors;
  if (visitors === undefined && !open) return <span class="live" />;
  return (
    <button
      type="button"
      class="live"
      aria-expanded={open}
      aria-controls={open ? 'now' : undefined}
      title="Different visitors in the last five minutes"
      onClick={onToggle}
    >
      <span class={visitors ? 'live-dot on' : 'live-dot'} aria-hidden="true" />
      <span>
        <b>{visitors === undefined ? '–' : exact(visitors)}</b>{' '}
        <span class="wide">{visitors === 1 ? 'visitor' : 'visitors'} </span>now
      </span>
    </button>
  );
}
