// A button that discloses a list. Escape, a click elsewhere or leaving it with Tab closes it.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  label: string;
  text: string;
  class?: string;
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, text, children, class: extra = '' }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };

  useEffect(() => {
    if (!open) return;
    const elsewhere = (event: Event): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', elsewhere);
    document.addEventListener('focusin', elsewhere);
    return () => {
      document.removeEventListener('pointerdown', elsewhere);
      document.removeEventListener('focusin', elsewhere);
    };
  }, [open]);

  return (
    <div
      class={`menu ${extra}`}
      ref={box}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && open) close();
      }}
    >
      <button
        type="button"
        class="menu-button"
        ref={button}
        aria-expanded={open}
        aria-label={`${label}: ${text}`}
        title={text}
        onClick={() => setOpen(!open)}
      >
        <span class="ellipsis">{text}</span>
        <svg width="10" height="6" viewBox="0 0 10 6" aria-hidden="true">
          <path d="M1 1l4 4 4-4" fill="none" stroke="currentColor" stroke-width="1.5" />
        </svg>
      </button>
      {open && <div class="menu-list">{children(close)}</div>}
    </div>
  );
}

interface ItemProps {
  on: boolean;
  onPick: () => void;
  children: ComponentChildren;
}

export function MenuItem({ on, onPick, children }: ItemProps) {
  return (
    <button type="button" class="menu-item" aria-current={on ? 'true' : undefined} onClick={onPick}>
      {children}
    </button>
  );
}
