// A tamis: the drum sieve of a French kitchen, and what comes through it.
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" fill="none" stroke="currentColor" aria-hidden="true">
      <path d="M3 8.5v4c0 5.2 5.8 9.5 13 9.5s13-4.3 13-9.5v-4" stroke-width="2.2" />
      <ellipse cx="16" cy="8.5" rx="13" ry="5.5" stroke-width="2.2" />
      <path
        d="M9 5.5l11 7.5M15 3.8l9.5 6.4M6 8l8 5.5M23 5.5 12 13M17 3.8 7.5 10.2M26 8l-8 5.5"
        stroke-width="1"
      />
      <g class="grains" stroke="none" fill="currentColor">
        <circle cx="10.5" cy="26" r="1.3" />
        <circle cx="16" cy="28.5" r="1.3" />
        <circle cx="21.5" cy="26" r="1.3" />
      </g>
    </svg>
  );
}
