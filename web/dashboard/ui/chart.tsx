// The drawing: the chosen figure over time as a line above a woven area, the period before it dashed.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Metric } from '../data/api';
import { axisFigure, figure as shown } from '../data/format';
import type { Mark } from '../data/marks';
import type { Tick } from '../data/period';
import { Marks } from './marks';

interface Props {
  metric: Metric;
  times: Tick[];
  timesBefore: Tick[];
  now: (number | null)[];
  before: (number | null)[];
  marks: Mark[];
}

/** Where the marks stand in the drawing, in px. */
interface Places {
  lefts: number[];
  width: number;
}

interface Hover {
  at: number;
  left: number; // in px, of the point
  top: number;
  flip: boolean; // no room on the right
}

const HEIGHT = 264;
const LOW_HEIGHT = 200;
const NARROW = 520;

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const latest = useRef(props);
  const [hover, setHover] = useState<Hover | null>(null);
  const [scheme, setScheme] = useState(0);
  const [places, setPlaces] = useState<Places>({ lefts: [], width: 0 });
  const { metric, times, timesBefore, now, before, marks } = props;
  latest.current = props;

  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => setScheme((count) => count + 1);
    dark.addEventListener('change', redraw);
    return () => dark.removeEventListener('change', redraw);
  }, []);

  // A new drawing for a new figure, range or colour scheme; new values of the same only move its lines.
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const place = (drawn: uPlot): void => setPlaces(placesOf(drawn, latest.current.marks));
    const drawing = new uPlot(options(node, latest, setHover, place), data(latest.current), node);
    plot.current = drawing;
    const follow = new ResizeObserver(() => drawing.setSize(sizeOf(node)));
    follow.observe(node);
    return () => {
      follow.disconnect();
      drawing.destroy();
      plot.current = undefined;
    };
  }, [metric, times[0]?.key, times.length, scheme]);

  useEffect(() => {
    plot.current?.setData(data(latest.current));
  }, [now.join(), before.join()]);

  useEffect(() => {
    if (plot.current) setPlaces(placesOf(plot.current, marks));
  }, [marks.map(({ at }) => at).join()]);

  return (
    <div class="chart-space">
      <div class="chart-canvas" ref={box} aria-hidden="true" />
      <Marks marks={marks} places={places.lefts} width={places.width} />
      {hover && times[hover.at] !== undefined && (
        <div
          class={hover.flip ? 'tip flip' : 'tip'}
          style={{ left: `${hover.left}px`, top: `${hover.top}px` }}
          aria-hidden="true"
        >
          <div class="tip-row">
            <span class="key">{times[hover.at]?.text}</span>
            <b>{shown(metric, now[hover.at])}</b>
          </div>
          {before.length > 0 && timesBefore[hover.at] !== undefined && (
            <div class="tip-row muted">
              <span class="key dashed">{timesBefore[hover.at]?.text}</span>
              <span>{shown(metric, before[hover.at])}</span>
            </div>
          )}
        </div>
      )}
    </div>
  );
}

const data = ({ times, now, before }: Props): uPlot.AlignedData => [
  times.map((_, at) => at),
  times.map((_, at) => before[at] ?? null),
  now,
];

const placesOf = (plot: uPlot, marks: Mark[]): Places => ({
  lefts: marks.map(({ at }) => plot.valToPos(at, 'x') + plot.bbox.left / devicePixelRatio),
  width: plot.width,
});

const sizeOf = (node: HTMLElement): { width: number; height: number } => ({
  width: node.clientWidth,
  height: node.clientWidth < NARROW ? LOW_HEIGHT : HEIGHT,
});

function options(
  node: HTMLElement,
  latest: { current: Props },
  setHover: (hover: Hover | null) => void,
  place: (plot: uPlot) => void,
): uPlot.Options {
  const css = getComputedStyle(node);
  const colour = (name: string): string => css.getPropertyValue(name).trim();
  const font = `12px ${css.fontFamily}`;
  const lonely = latest.current.now.filter((value) => value !== null).length < 2;
  return {
    ...sizeOf(node),
    padding: [12, 24, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_plot, _least, most) => [0, top(latest.current.metric, most)] },
    },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 9, width: 2, fill: colour('--card'), stroke: colour('--accent'), show: true },
    },
    axes: [
      {
        stroke: colour('--muted'),
        font,
        size: 34,
        gap: 8,
        grid: { show: false },
        ticks: { show: false },
        space: 64,
        incrs: [1, 2, 3, 4, 6, 7, 14, 28, 56],
        values: (_plot, at) => at.map((each) => latest.current.times[each]?.short ?? ''),
      },
      {
        stroke: colour('--muted'),
        font,
        size: 48,
        gap: 8,
        grid: { stroke: colour('--line'), width: 1 },
        ticks: { show: false },
        space: 38,
        incrs: steps(latest.current.metric),
        values: (_plot, at) => at.map((each) => axisFigure(latest.current.metric, each)),
      },
    ],
    series: [
      {},
      { stroke: colour('--muted'), width: 1.5, dash: [3, 5], points: { show: false } },
      {
        stroke: colour('--accent'),
        width: 2.25,
        fill: (plot) => weave(plot.ctx, colour('--accent')),
        points: { show: lonely, size: 7, fill: colour('--accent') },
      },
    ],
    hooks: {
      draw: [place],
      setCursor: [
        (plot) => {
          const at = plot.cursor.idx;
          const left = plot.cursor.left ?? -1;
          if (at === null || at === undefined || left < 0) {
            setHover(null);
            return;
          }
          const { now, before } = latest.current;
          const scale = devicePixelRatio;
          const x = plot.valToPos(at, 'x') + plot.bbox.left / scale;
          const y = plot.valToPos(now[at] ?? before[at] ?? 0, 'y') + plot.bbox.top / scale;
          setHover({ at, left: x, top: y, flip: x > node.clientWidth / 2 });
        },
      ],
    },
  };
}

/** A round figure above the highest point, and never an axis without height. */
function top(metric: Metric, most: number | null): number {
  if (metric === 'bounce_rate') return 100;
  const least = metric === 'visit_duration' ? 60 : 4;
  const wanted = Math.max(most ?? 0, least) * 1.08;
  const step = steps(metric).find((each) => wanted / each <= 5) ?? wanted;
  return Math.ceil(wanted / step) * step;
}

function steps(metric: Metric): number[] {
  if (metric === 'bounce_rate') return [25];
  if (metric === 'visit_duration') return [15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
  return [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((each) => each * 10 ** power));
}

/** The mesh of a sieve, as the area's fill. */
function weave(ctx: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const size = Math.round(6 * devicePixelRatio);
  const tile = document.createElement('canvas');
  tile.width = tile.height = size;
  const pen = tile.getContext('2d');
  if (!pen) return 'transparent';
  pen.fillStyle = colour;
  pen.globalAlpha = 0.06;
  pen.fillRect(0, 0, size, size);
  pen.globalAlpha = 0.16;
  pen.fillRect(0, 0, size, devicePixelRatio);
  pen.fillRect(0, 0, devicePixelRatio, size);
  return ctx.createPattern(tile, 'repeat') ?? 'transparent';
}
