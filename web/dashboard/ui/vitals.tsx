// Web vitals: what three of four page views stay below, of the site and of each page. Nothing when nothing was
// measured: the tracker's add-on is the site owner's choice.
import type { Query, Row } from '../data/api';
import { byAlias, nameOf, type Dimension } from '../data/dimensions';
import { exact } from '../data/format';
import { useQuery } from '../data/use_query';
import { RATINGS, VITALS, rate, vitalText, type VitalSpec } from '../data/vitals';

const FEW = 8;
const PAGE = byAlias('page') as Dimension;

interface Props {
  base: Query;
  isOn: (value: string) => boolean;
  onPick: (value: string) => void;
}

export function Vitals({ base, isOn, onPick }: Props) {
  // Measurements belong to no event.
  const fits = !base.filters?.some(([, dimension]) => dimension === 'event:name');
  const all: Query = { ...base, metrics: ['vitals', 'lcp', 'inp', 'cls'] };
  const site = useQuery(fits ? all : null, null);
  const measured = site.reply?.results[0];
  const any = fits && Boolean(measured?.metrics[0]);
  const pages = useQuery(
    any ? { ...all, dimensions: [PAGE.api], order_by: [['vitals', 'desc']], pagination: { limit: FEW } } : null,
    null,
  );
  if (!any || !measured) return null;
  return (
    <section class={`card panel panel-vitals${site.stale ? ' stale' : ''}`} aria-labelledby="title-vitals">
      <header class="panel-head">
        <h2 id="title-vitals">Web vitals</h2>
        <p class="muted small">Three of four measured page views stay below these</p>
      </header>
      <dl class="vitals">
        {VITALS.map((spec, at) => (
          <div key={spec.metric}>
            <dt title={spec.says}>{spec.name}</dt>
            <dd>
              <Value spec={spec} value={measured.metrics[at + 1]} worded />
            </dd>
          </div>
        ))}
      </dl>
      {pages.reply && pages.reply.results.length > 0 && <Pages rows={pages.reply.results} {...{ isOn, onPick }} />}
    </section>
  );
}

function Value({ spec, value, worded }: { spec: VitalSpec; value: number | null | undefined; worded?: boolean }) {
  if (value === null || value === undefined)
    return (
      <span class="muted" title="Too few measurements">
        –
      </span>
    );
  const rating = rate(spec, value);
  return (
    <span class={`vital ${rating}`} title={RATINGS[rating]}>
      {vitalText(spec.metric, value)}
      <span class={worded ? 'vital-word' : 'unseen'}> {RATINGS[rating]}</span>
    </span>
  );
}

function Pages({ rows, isOn, onPick }: { rows: Row[] } & Pick<Props, 'isOn' | 'onPick'>) {
  const most = Math.max(1, ...rows.map((row) => row.metrics[0] ?? 0));
  return (
    <table class="rows vital-rows">
      <thead>
        <tr>
          <th scope="col">{PAGE.singular}</th>
          <th scope="col">Measured</th>
          {VITALS.map(({ metric, short, name }) => (
            <th key={metric} scope="col">
              <abbr title={name}>{short}</abbr>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const value = row.dimensions[0] ?? '';
          return (
            <tr key={value}>
              <th scope="row">
                <span class="bar" style={{ width: `${(100 * (row.metrics[0] ?? 0)) / most}%` }} />
                <button type="button" class="name" title={value} aria-pressed={isOn(value)} onClick={() => onPick(value)}>
                  <span class="ellipsis">{nameOf(PAGE, value)}</span>
                </button>
              </th>
              <td>{exact(row.metrics[0] ?? 0)}</td>
              {VITALS.map((spec, at) => (
                <td key={spec.metric}>
                  <Value spec={spec} value={row.metrics[at + 1]} />
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
