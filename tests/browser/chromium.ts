// Debian's Chromium, headless, saying it is an ordinary one: the server drops HeadlessChrome by its name.
import { chromium, type Browser } from 'playwright-core';

export const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36';

export const ROOT = process.env['TAMIS_ROOT'] ?? process.cwd();

const LAUNCH_MS = 120_000; // on a busy machine

export function launch(...args: string[]): Promise<Browser> {
  return chromium.launch({
    timeout: LAUNCH_MS,
    executablePath: process.env['TAMIS_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
}
