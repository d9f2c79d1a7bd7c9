// One question, "which pages?", "from where?", as a table with tabs.
import { useEffect, useState } from 'preact/hooks';
import type { Query, Row } from '../data/api';
import type { Dimension, PanelSpec } from '../data/dimensions';
import { exact } from '../data/format';
import { useQuery } from '../data/use_query';
import { ErrorNote } from './error_note';
import { ReachNote } from './reach_note';
import { Rows } from './rows';
import { Skeleton } from './skeleton';
import { Tabs } from './tabs';

const FEW = 8;
const MANY = 100;

interface Props {
  spec: PanelSpec;
  base: Query;
  total: number;
  tab: string | undefined;
  onTab: (alias: string) => void;
  isOn: (dimension: Dimension, value: string) => boolean;
  onPick: (dimension: Dimension, value: string) => void;
}

const nothing = (hidden: number, missing: string | 0 | undefined): string =>
  missing || (hidden ? `Nobody, or fewer than ${hidden} visitors.` : 'Nothing here in this period.');

export function Panel({ spec, base, total, tab, onTab, isOn, onPick }: Props) {
  const dimension = spec.dimensions.find(({ alias }) => alias === tab) ?? spec.dimensions[0];
  // Left out here and not by a filter: a filter would make the server fold rare rows away.
  const without = dimension.without ?? [];
  const [all, setAll] = useState(false);
  useEffect(() => setAll(false), [dimension]);
  const query: Query = {
    ...base,
    metrics: spec.second ? ['visitors', spec.second.metric] : ['visitors'],
    dimensions: [dimension.api],
    filters: [...(base.filters ?? []), ...(dimension.of ?? [])],
    order_by: [['visitors', 'desc']],
    pagination: { limit: (all ? MANY : FEW + 1) + without.length }, // one more tells whether there are more
  };
  const answer = useQuery(query, dimension);
  const reply = answer.tag === dimension ? answer.reply : undefined;
  const isLeftOut = ({ dimensions: [value] }: Row): boolean => without.includes(value ?? '');
  const rows = (reply?.results ?? []).filter((row) => !isLeftOut(row));
  const missing = dimension.missing ? (reply?.results.find(isLeftOut)?.metrics[0] ?? 0) : 0;
  const hidden = reply?.meta?.hidden_below ?? 0;
  const shown = all ? rows : rows.slice(0, FEW);

  return (
    <section class={`card panel panel-${spec.id}`} aria-labelledby={`title-${spec.id}`}>
      <header class="panel-head">
        <h2 id={`title-${spec.id}`}>{spec.title}</h2>
        {spec.dimensions.length > 1 && (
          <Tabs panel={spec.id} dimensions={spec.dimensions} on={dimension} onTab={onTab} />
        )}
      </header>
      <div
        class={answer.stale && reply ? 'panel-body stale' : 'panel-body'}
        id={`body-${spec.id}`}
        {...(spec.dimensions.length > 1 && {
          role: 'tabpanel',
          'aria-labelledby': `tab-${spec.id}-${dimension.alias}`,
        })}
      >
        {answer.error && !reply ? (
          <ErrorNote error={answer.error} onRetry={answer.retry} />
        ) : !reply ? (
          <Skeleton lines={FEW - 2} label={`Loading ${spec.title.toLowerCase()}`} />
        ) : shown.length === 0 ? (
          <p class="nothing">{nothing(hidden, missing && dimension.missing)}</p>
        ) : (
          <Rows
            {...{ dimension, total }}
            rows={shown}
            second={spec.second?.label}
            isOn={(value) => isOn(dimension, value)}
            onPick={(value) => onPick(dimension, value)}
          />
        )}
      </div>
      {shown.length > 0 && missing > 0 && (
        <p class="muted small">
          Not known for {exact(missing)}. {dimension.missing}
        </p>
      )}
      <ReachNote reply={reply} />
      {shown.length > 0 && hidden > 0 && (
        <p class="muted small">Rows of fewer than {hidden} visitors are not shown.</p>
      )}
      {reply && (all || rows.length > FEW) && (
        <button type="button" class="more quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : 'Show more'}
          <span class="unseen"> {spec.title.toLowerCase()}</span>
        </button>
      )}
    </section>
  );
}
