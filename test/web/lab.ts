// One lab and one page server for a file of tests in Chromium, and the traffic that they look at.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { packageFile } from '../../dataplane/root.js';
import { down, exec, type Lab, loadTopology, up } from '../../lab/index.js';
import { launch, startUi, type UiProcess } from '../helpers/page.js';

export interface Stage {
  lab: Lab;
  ui: UiProcess;
  browser: Browser;
  /** The link is good for one page; later ones get the cookie of the first. */
  close(): Promise<void>;
}

export async function makeStage(name: string): Promise<Stage> {
  const lab = await up(loadTopology(), { name });
  const ui = await startUi(name);
  const browser = await launch();
  return {
    lab,
    ui,
    browser,
    close: async () => {
      await browser.close();
      await ui.stop();
      await down(name);
    },
  };
}

export async function watching(page: Page): Promise<void> {
  await page.locator('.watch-state.on').waitFor({ timeout: 20_000 });
}

export async function curl(lab: Lab, from: string, url: string): Promise<void> {
  await exec(lab.name, from, ['curl', '-sS', '--max-time', '3', url]);
}

/** The first packet of a connection to this end, opened. */
export async function openSyn(page: Page, to: string): Promise<void> {
  await page.locator('.connection', { hasText: to }).getByRole('link', { name: 'SYN', exact: false }).first().click();
  await page.locator('.journey li').first().waitFor();
}

/** Of what is seen now, into docs/ui. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = packageFile('docs', 'ui');
  mkdirSync(folder, { recursive: true });
  await page.waitForTimeout(250); // the packet's dot has arrived
  const png = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  // A quarter of the size; without pngquant the picture is as Chromium made it.
  const small = spawnSync('pngquant', ['--speed', '1', '--strip', '96', '-'], { input: png, maxBuffer: 1 << 26 });
  writeFileSync(`${folder}/${name}.png`, small.status === 0 ? small.stdout : png);
}
