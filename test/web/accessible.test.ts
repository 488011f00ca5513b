// What axe-core says of every view in light and dark and at a phone's width; that a phone needs no sideways scrolling;
// how large the page is and how soon it paints. Takes the pictures of the dark and the phone's page.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BrowserContext, Page } from 'playwright-core';
import { packageFile } from '../../dataplane/root.js';
import { missingRequirements } from '../../lab/index.js';
import { noBrowser, openPage } from '../helpers/page.js';
import { curl, makeStage, openSyn, picture, type Stage, watching } from './lab.js';

const missing = [...(await missingRequirements()), ...(noBrowser ? [noBrowser] : [])];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['topology', 'pipeline/worker1', 'ledgers', 'fastpath/worker1', 'drops', 'flows', 'probe'];

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

describe.skipIf(missing.length > 0)(
  `the page, for everybody${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let stage: Stage;
    let page: Page;
    let context: BrowserContext;

    beforeAll(async () => {
      stage = await makeStage('pwaxe');
      ({ page } = await openPage(stage.browser, stage.ui));
      context = page.context();
      await watching(page);
      await curl(stage.lab, 'frontend', 'http://10.222.2.34/');
      await curl(stage.lab, 'frontend', 'http://backendsvc/');
      await openSyn(page, 'backend2:80');
    });
    afterAll(async () => stage?.close());

    /** Rules that serious or critical things break. */
    async function serious(): Promise<string[]> {
      await page.evaluate(axe);
      const { violations } = (await page.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<{ violations: unknown[] }> } }).axe.run(),
      )) as { violations: Violation[] };
      return violations
        .filter((v) => ['serious', 'critical'].includes(v.impact))
        .map(
          (v) =>
            `${v.id}: ${v.nodes
              .slice(0, 3)
              .map((n) => `${n.html.slice(0, 160)} (${n.failureSummary.split('\n')[1]?.trim()})`)
              .join('; ')}`,
        );
    }

    async function eachView(check: (name: string) => Promise<void>): Promise<void> {
      for (const [name, selector] of [
        ['arrive', '.stop.pass'],
        ['wire', '.stop.wire'],
      ]) {
        await page.locator(`${selector} button`).first().click();
        await check(`walk ${name}`);
      }
      await page.locator('.stop.pass button').first().click();
      for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowRight');
      await check('walk table');
      const walk = page.url();
      for (const view of VIEWS) {
        await page.goto(`${stage.ui.origin}/#/${view}`);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.waitForTimeout(600); // its data is there
        await check(view);
      }
      await page.goto(walk);
      await page.locator('.journey li').first().waitFor();
    }

    it.each([
      ['light', 1360],
      ['dark', 1360],
      ['light', 390],
    ] as const)('axe finds nothing serious in any view: %s, %i pixels wide', async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 844 });
      const found: Record<string, string[]> = {};
      await eachView(async (name) => {
        const issues = await serious();
        if (issues.length) found[name] = issues;
      });
      expect(found).toEqual({});
    });

    it("at a phone's width nothing is cut off: only what scrolls by itself is wider", async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      const wide: Record<string, number> = {};
      await eachView(async (name) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > 390) wide[name] = width;
      });
      expect(wide).toEqual({});
      await page.locator('.walk-title').scrollIntoViewIfNeeded();
      await page.evaluate(() =>
        scrollTo(0, document.querySelector('.walk-title')!.getBoundingClientRect().top + scrollY - 10),
      );
      await picture(page, 'phone');
    });

    it('it is drawn in dark, too', async () => {
      await page.setViewportSize({ width: 1360, height: 860 });
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.evaluate(() => scrollTo(0, 0));
      expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe(
        'rgb(14, 20, 23)',
      );
      await picture(page, 'dark');
      await page.emulateMedia({ colorScheme: 'light' });
    });

    it('is small, and paints soon', async () => {
      const folder = packageFile('dist', 'ui', 'web', 'assets');
      const kilobytes = (pattern: RegExp): number =>
        readdirSync(folder)
          .filter((f) => pattern.test(f))
          .reduce((sum, f) => sum + gzipSync(readFileSync(`${folder}/${f}`)).length, 0) / 1024;
      const [script, style] = [kilobytes(/\.js$/), kilobytes(/\.css$/)];
      const paints: number[] = [];
      for (let i = 0; i < 5; i++) {
        const fresh = await context.newPage();
        await fresh.goto(stage.ui.origin);
        await fresh.locator('.head').waitFor();
        const entry = await fresh.evaluate(
          () =>
            new Promise<number>((resolve) => {
              new PerformanceObserver((list) =>
                resolve(list.getEntriesByName('first-contentful-paint')[0].startTime),
              ).observe({ type: 'paint', buffered: true });
            }),
        );
        paints.push(entry);
        await fresh.close();
      }
      const median = paints.sort((a, b) => a - b)[2];
      console.log(
        `page: ${script.toFixed(1)} KB of script and ${style.toFixed(1)} KB of style, gzipped; first contentful paint ${median.toFixed(0)} ms (median of 5, ${paints[0].toFixed(0)} to ${paints[4].toFixed(0)})`,
      );
      expect(script + style).toBeLessThan(80);
      expect(median).toBeLessThan(2000);
    });
  },
);
