// The page with the keyboard alone: every view is reached, every control is operable and says what it is, and the focus
// is seen.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { missingRequirements } from '../../lab/index.js';
import { noBrowser, openPage } from '../helpers/page.js';
import { makeStage, type Stage, watching } from './lab.js';

const missing = [...(await missingRequirements()), ...(noBrowser ? [noBrowser] : [])];

describe.skipIf(missing.length > 0)(`the page, by keyboard${missing.length ? ` (skipped: ${missing[0]})` : ''}`, () => {
  let stage: Stage;
  let page: Page;
  const key = (...keys: string[]): Promise<void> =>
    keys.reduce((before, k) => before.then(() => page.keyboard.press(k)), Promise.resolve());
  const focused = (): Promise<string> =>
    page.evaluate(() => {
      const { activeElement: el } = document;
      return `${el?.tagName.toLowerCase()} ${el?.getAttribute('aria-label') ?? el?.getAttribute('name') ?? el?.textContent?.trim().slice(0, 40)}`;
    });
  /** Tab until it is there; each stop must be visible with a visible focus. */
  async function tabTo(wanted: string, most = 60): Promise<void> {
    for (let i = 0; i < most; i++) {
      await key('Tab');
      if ((await focused()).includes(wanted)) return;
      const seen = await page.evaluate(() => {
        const el = document.activeElement!;
        const box = el.getBoundingClientRect();
        return (
          el === document.body || (box.width > 0 && box.height > 0 && getComputedStyle(el).outlineStyle !== 'none')
        );
      });
      expect(seen, await focused()).toBe(true);
    }
    throw new Error(`no way to ${wanted} by Tab; last was ${await focused()}`);
  }

  beforeAll(async () => {
    stage = await makeStage('pwkeys');
    ({ page } = await openPage(stage.browser, stage.ui));
    await watching(page);
  });
  afterAll(async () => stage?.close());

  it('the first stop skips to the content; from there a curl is sent and its walk opens', async () => {
    await key('Tab');
    expect(await focused()).toContain('Skip to the content');
    await key('Enter');
    expect(await focused()).toMatch(/^main/);
    await tabTo('input target');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('10.222.2.34/');
    await key('Enter');
    await page.locator('.connection', { hasText: 'backend2:80' }).waitFor();
    await page.locator('.journey li').first().waitFor();
  });

  it('the search finds, the list opens a packet', async () => {
    await key('/');
    expect(await focused()).toContain('Search packets');
    await page.keyboard.type('syn backend2');
    await expect.poll(() => page.locator('.connection a').allTextContents()).toHaveLength(2); // SYN and SYN+ACK
    await tabTo('SYN', 3);
    await key('Enter');
    await expect.poll(() => page.locator('.walk-title .what').textContent()).toBe('SYN');
  });

  it('the player plays, pauses, steps, rewinds, goes to the end and changes its speed', async () => {
    const place = (): Promise<string | null> => page.locator('.place').textContent();
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await key('ArrowRight', 'ArrowRight', 'l');
    await expect.poll(place).toMatch(/^4 \//);
    await key('ArrowLeft');
    await expect.poll(place).toMatch(/^3 \//);
    await key('End');
    await expect.poll(place).toMatch(/^(\d+) \/ \1$/);
    await key('Home', '+', '+', ' ');
    expect(await page.getByRole('combobox', { name: 'Speed' }).inputValue()).toBe('4');
    await expect.poll(place, { timeout: 5000 }).toMatch(/^[3-9] \//);
    await key(' ');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await key('n');
    await expect.poll(() => page.locator('.walk-title .what').textContent()).not.toBe('SYN');
    await key('p');
    await expect.poll(() => page.locator('.walk-title .what').textContent()).toBe('SYN');
  });

  it('controls work by Tab, too: a stop of the journey, the slider, a table, the quiz', async () => {
    await page.evaluate(() => document.querySelector<HTMLElement>('main')!.focus());
    await tabTo('wire', 80);
    await key('Enter');
    await page.locator('.wire-stage').waitFor();
    await tabTo('Moment');
    await key('Home');
    await expect.poll(() => page.locator('.place').textContent()).toMatch(/^1 \//);
    expect(await page.getByRole('slider').getAttribute('aria-valuetext')).toMatch(/^1 of \d+: frontend$/);
    await tabTo('Quiz');
    await key('Enter');
    await tabTo('0 Classifier');
    await key('Enter');
    await expect.poll(() => page.locator('.quiz .score').textContent()).toBe('1 of 1 right');
    await page.evaluate(() => document.querySelector<HTMLElement>('.quiz-switch')!.focus());
    await key('Enter');
    await tabTo('70L3Forwarding');
    await key('Enter');
    await expect.poll(() => page.locator('.sentence').textContent()).toContain('table 70');
  });

  it('digits open the views, ? tells the keys, Escape leaves them', async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    const headings = ['Topology', 'Pipeline', 'Ledgers', 'Fast path', 'Drops', 'Flows', 'Send a real packet'];
    for (const [i, heading] of headings.entries()) {
      await key(String(i + 2));
      await page.getByRole('heading', { name: heading, level: 1, exact: true }).waitFor();
    }
    await key('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await key('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  });

  it('each view is operated: a table chosen, a node changed, flows searched, a trial run, a round trip simulated', async () => {
    await key('3');
    await page.getByRole('heading', { name: 'Pipeline', level: 1, exact: true }).waitFor();
    await expect.poll(() => page.getByText('DNAT').count()).toBeGreaterThan(0);
    await tabTo('40DNAT');
    await key('Enter');
    await page.getByRole('heading', { name: 'Table 40 DNAT' }).waitFor();
    await page.evaluate(() => document.querySelector<HTMLElement>('main')!.focus());
    await tabTo('worker2');
    await key('Enter');
    await expect.poll(() => page.url()).toContain('#/pipeline/worker2');
    await key('7');
    await page.getByRole('heading', { name: 'Flows', level: 1, exact: true }).waitFor();
    await expect.poll(() => page.locator('.flows tbody tr').count()).toBeGreaterThan(2);
    await key('/');
    await page.keyboard.type('worker1 table=40');
    await expect.poll(() => page.locator('.flows tbody tr').count()).toBe(2);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await key('5');
    await page.getByRole('heading', { name: 'Fast path' }).waitFor();
    await page.evaluate(() => document.querySelector<HTMLElement>('main')!.focus());
    await tabTo('Run twice');
    await key('Enter');
    await expect
      .poll(() => page.getByRole('region', { name: 'Result of the trial' }).count(), { timeout: 60_000 })
      .toBe(1);
    await key('4');
    await page.getByRole('heading', { name: 'Ledgers' }).waitFor();
    await key('/');
    await page.keyboard.type('kernel');
    await expect
      .poll(() => page.getByRole('region', { name: 'worker1 zone 65520', exact: true }).textContent())
      .toMatch(/0 of \d+ entr/);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await key('8');
    await page.getByRole('heading', { name: 'Send a real packet' }).waitFor();
    await page.evaluate(() => document.querySelector<HTMLElement>('main')!.focus());
    await tabTo('Simulate');
    await key('Enter');
    await page.getByRole('region', { name: 'Outcome' }).getByText('gets its answer').waitFor();
  });

  it('colours are changed and remembered', async () => {
    await page.evaluate(() => document.querySelector<HTMLElement>('.head')!.querySelector<HTMLElement>('a')!.focus());
    await tabTo('Colours');
    await key('Enter', 'Enter');
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
    await page.reload();
    expect(
      await page.evaluate(() => [
        document.documentElement.dataset.theme,
        getComputedStyle(document.documentElement).colorScheme,
      ]),
    ).toEqual(['dark', 'dark']);
  });
});
