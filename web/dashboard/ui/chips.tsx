// The filters in force. Several of one dimension mean any of them; of different ones, all.
import { nameOf } from '../data/dimensions';
import type { Condition } from '../data/view';

interface Props {
  conditions: Condition[];
  onRemove: (condition: Condition) => void;
  onClear: () => void;
}

export function Chips({ conditions, onRemove, onClear }: Props) {
  if (conditions.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {conditions.map((condition) => {
        const { dimension, value } = condition;
        const name = nameOf(dimension, value);
        return (
          <li key={`${dimension.alias}:${value}`} class="chip">
            <span class="ellipsis" title={`${dimension.singular} is ${name}`}>
              {dimension.singular} is <b>{name}</b>
            </span>
            <button
              type="button"
              aria-label={`Remove the filter ${dimension.singular} is ${name}`}
              onClick={() => onRemove(condition)}
            >
              <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
                <path d="M1.5 1.5l7 7m0-7l-7 7" stroke="currentColor" stroke-width="1.6" />
              </svg>
            </button>
          </li>
        );
      })}
      {conditions.length > 1 && (
        <li>
          <button type="button" class="quiet" onClick={onClear}>
            Clear all
          </button>
        </li>
      )}
    </ul>
  );
}
