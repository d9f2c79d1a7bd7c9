// The live figures of a site as they come. Server-Sent Events are read from a fetch, since EventSource cannot
// send the token.
import { ApiError, type Client, type Realtime } from './api';

/** The first figures come at once and a comment every 15 s: what is silent for longer is held up on the way. */
const FIRST_MS = 10_000;
const SILENCE_MS = 40_000;

/** Hands on figures until the server ends the stream; throws when it breaks or does not begin. */
export async function follow(
  client: Client,
  site: string,
  onFigures: (figures: Realtime) => void,
  signal: AbortSignal,
): Promise<void> {
  const cut = new AbortController();
  const giveUp = (): void => cut.abort();
  signal.addEventListener('abort', giveUp);
  let timer = setTimeout(giveUp, FIRST_MS);
  try {
    const body = await client.stream(`/api/v2/realtime/stream?site_id=${encodeURIComponent(site)}`, cut.signal);
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(giveUp, SILENCE_MS);
      const messages = (text + decoder.decode(value, { stream: true })).split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) {
        const data = message.split('\n').find((line) => line.startsWith('data: '));
        if (data) onFigures(JSON.parse(data.slice(6)) as Realtime);
      }
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('network', 'The live figures cannot be reached.');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}
