export interface Tab {
  alias: string;
  label: string;
}

interface Props {
  panel: string;
  dimensions: readonly Tab[];
  on: Tab;
  onTab: (alias: string) => void;
}

const STEP: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };

export function Tabs({ panel, dimensions, on, onTab }: Props) {
  const walk = (event: KeyboardEvent): void => {
    const step = STEP[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (dimensions.indexOf(on) + step + dimensions.length) % dimensions.length;
    const next = dimensions[at] as Tab;
    onTab(next.alias);
    document.getElementById(`tab-${panel}-${next.alias}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-labelledby={`title-${panel}`} onKeyDown={walk}>
      {dimensions.map((dimension) => (
        <button
          type="button"
          role="tab"
          key={dimension.alias}
          id={`tab-${panel}-${dimension.alias}`}
          aria-selected={dimension === on}
          aria-controls={`body-${panel}`}
          tabIndex={dimension === on ? 0 : -1}
          onClick={() => onTab(dimension.alias)}
        >
          {dimension.label}
        </button>
      ))}
    </div>
  );
}
