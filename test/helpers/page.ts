// The page as its users have it: `packetwalk ui` in a process of its own for a lab, opened in Debian's Chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { packageFile } from '../../dataplane/root.js';

const CHROMIUM = '/usr/bin/chromium';

/** Why there is no browser to test with; undefined when there is. */
export const noBrowser = existsSync(CHROMIUM) ? undefined : `no ${CHROMIUM} (package chromium)`;

export interface UiProcess {
  /** http://127.0.0.1:PORT, without a slash. */
  origin: string;
  /** The link that was printed: good for one use. */
  link: string;
  stop(): Promise<number | string>;
}

export async function startUi(lab: string, ...args: string[]): Promise<UiProcess> {
  const child = spawn(
    process.execPath,
    [packageFile('dist', 'cli', 'main.js'), 'ui', '--lab', lab, '--port', '0', '--json', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  while (!printed.includes('}')) {
    const code = await Promise.race([ended, new Promise<undefined>((done) => setTimeout(() => done(undefined), 30))]);
    if (code !== undefined) throw new Error(`packetwalk ui ended with ${code}: ${said}`);
  }
  const { url } = JSON.parse(printed) as { url: string };
  return {
    origin: new URL(url).origin,
    link: url,
    stop: async () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface OpenPage {
  page: Page;
  /** What went wrong in the page: exceptions, errors of its console, requests to elsewhere. */
  problems: string[];
}

/** Opens the link; what the page should not do is collected. */
export async function openPage(
  browser: Browser,
  ui: UiProcess,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1360, height: 860 },
    reducedMotion: 'reduce',
    colorScheme: 'light',
    ...options,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(ui.origin)) problems.push(`fetched ${request.url()}`);
  });
  await page.goto(ui.link);
  return { page, problems };
}
