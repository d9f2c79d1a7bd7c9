// What is there while figures are on their way. It shows itself only when they take a moment (style.css).
export function Skeleton({ lines, label }: { lines: number; label: string }) {
  return (
    <div class="skeleton" role="img" aria-label={label}>
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} class="bone" style={{ width: `${92 - ((at * 37) % 48)}%` }} />
      ))}
    </div>
  );
}
