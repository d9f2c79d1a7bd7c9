// Web vitals as a person reads them, judged by the thresholds that web.dev publishes.

export type Vital = 'lcp' | 'inp' | 'cls';
export type Rating = 'good' | 'fair' | 'poor';

export interface VitalSpec {
  metric: Vital;
  short: string;
  name: string;
  says: string;
  good: number; // up to
  fair: number; // up to; above is poor
}

export const VITALS: readonly VitalSpec[] = [
  { metric: 'lcp', short: 'LCP', name: 'Largest contentful paint', says: 'until the main thing is there', good: 2500, fair: 4000 },
  { metric: 'inp', short: 'INP', name: 'Interaction to next paint', says: 'until the page reacts', good: 200, fair: 500 },
  { metric: 'cls', short: 'CLS', name: 'Cumulative layout shift', says: 'how much things jump', good: 0.1, fair: 0.25 },
];

export const RATINGS: Record<Rating, string> = { good: 'Good', fair: 'Needs improvement', poor: 'Poor' };

export const rate = ({ good, fair }: VitalSpec, value: number): Rating =>
  value <= good ? 'good' : value <= fair ? 'fair' : 'poor';

/** As fine as it takes to see on which side of a threshold it is. */
export function vitalText(metric: Vital, value: number): string {
  if (metric === 'cls') return value.toFixed(3);
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}
