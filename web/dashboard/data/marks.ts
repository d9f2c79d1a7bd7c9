// Where notes on days stand among the ticks of a chart.
import type { Annotation } from './api';
import { rangeText } from './format';
import { keyOf, type Step, type Tick } from './period';

export interface Mark {
  at: number; // the tick it begins at
  text: string;
}

/** Notes that begin at the same tick share a mark; those that began earlier stand at the first. */
export function marksOf(annotations: Annotation[], times: Tick[], step: Step): Mark[] {
  const marks = new Map<number, string[]>();
  for (const { date, to, text } of annotations) {
    const key = keyOf(step === 'hour' ? `${date} 00` : date, step);
    const at = Math.max(0, times.findIndex((tick) => tick.key >= key));
    marks.set(at, [...(marks.get(at) ?? []), `${rangeText(date, to)}: ${text}`]);
  }
  return [...marks].map(([at, texts]) => ({ at, text: texts.join('; ') })).sort((a, b) => a.at - b.at);
}
