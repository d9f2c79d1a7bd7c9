// The view and the address, kept the same: a change is a step in the history, back and forward undo and redo it.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { readView, writeView, type View } from '../data/view';

export function useView(): [View, (change: Partial<View>) => void] {
  const [view, setView] = useState(() => readView(location.search));

  useEffect(() => {
    const follow = (): void => setView(readView(location.search));
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  const change = useCallback((part: Partial<View>): void => {
    const next = { ...readView(location.search), ...part };
    const search = writeView(next);
    if (search !== location.search) history.pushState(null, '', search || location.pathname);
    setView(next);
  }, []);

  return [view, change];
}
