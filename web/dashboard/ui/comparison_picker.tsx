// What the period is compared with: a part of the period's menu.
import { COMPARISONS, type Comparison } from '../data/compare';
import { MenuItem } from './menu';

interface Props {
  comparison: Comparison;
  onPick: (comparison: Comparison) => void;
}

export function ComparisonPicker({ comparison, onPick }: Props) {
  return (
    <div class="comparisons" role="group" aria-labelledby="compare-with">
      <span class="menu-heading" id="compare-with">
        Compare with
      </span>
      {Object.entries(COMPARISONS).map(([each, text]) => (
        <MenuItem key={each} on={comparison === each} onPick={() => onPick(each as Comparison)}>
          {text}
        </MenuItem>
      ))}
    </div>
  );
}
