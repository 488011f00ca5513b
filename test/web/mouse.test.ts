// Each view of the page driven with the mouse, on a real lab; what it shows is what really happened. Takes the pictures
// of docs/ui.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { exec, missingRequirements } from '../../lab/index.js';
import { noBrowser, openPage } from '../helpers/page.js';
import { curl, makeStage, openSyn, picture, type Stage, watching } from './lab.js';

const missing = [...(await missingRequirements()), ...(noBrowser ? [noBrowser] : [])];

describe.skipIf(missing.length > 0)(`the page, by mouse${missing.length ? ` (skipped: ${missing[0]})` : ''}`, () => {
  let stage: Stage;
  let page: Page;
  let problems: string[];
  const view = (name: string): Promise<void> =>
    page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click();

  beforeAll(async () => {
    stage = await makeStage('pwmouse');
    ({ page, problems } = await openPage(stage.browser, stage.ui));
    await watching(page);
  });
  afterAll(async () => stage?.close());

  it('before the first packet it says what to do; the form sends a real curl, which walks', async () => {
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('No packet has passed yet');
    await picture(page, 'welcome');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.connection', { hasText: 'svc/backendsvc:80' }).waitFor();
    await openSyn(page, 'svc/backendsvc:80');
    const stops = await page.locator('.journey .kind').allTextContents();
    expect(stops.map((text) => text.replace(/\+.*/, '')).slice(0, 3)).toEqual(['switch', 'kernel', 'switch']);
  });

  it('the packet walks table by table, with registers and headers as they change', async () => {
    const sentence = page.locator('.sentence');
    for (let i = 0; i < 6; i++) await page.getByRole('button', { name: 'Step', exact: true }).click();
    await expect.poll(() => sentence.textContent()).toContain("only the host's rules can choose an endpoint");
    expect(await page.locator('.registers tr.now').allTextContents()).toEqual([
      'reg00x20x10002 changed',
      'reg10x00x2 changed',
    ]);
    expect(await page.locator('.table-box.current').textContent()).toBe('40DNAT');
    await page.locator('.why-not summary').click();
    await expect.poll(() => page.locator('.why-not').textContent()).toMatch(/No flow of this priority|not \d+/);
    await picture(page, 'walk');
    await page.getByRole('button', { name: 'bytes', exact: true }).click();
    expect(await page.locator('.bytes div').first().textContent()).toContain('4e9908c153be');
    await page.getByRole('button', { name: 'bytes', exact: true }).click();
    await page.getByRole('button', { name: 'Step back' }).click();
    await expect.poll(() => page.locator('.table-box.current').textContent()).toBe('31ConntrackState');
    await page.getByRole('button', { name: 'Rewind' }).click();
    await expect
      .poll(() => page.locator('.place').textContent())
      .toBe(
        `1 / ${await page
          .getByRole('slider')
          .getAttribute('max')
          .then((m) => Number(m) + 1)}`,
      );
  });

  it('it plays by itself, faster when it should, and pauses', async () => {
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('4');
    await page.getByRole('button', { name: 'Play' }).click();
    await expect.poll(() => page.locator('.place').textContent(), { timeout: 5000 }).toMatch(/^[4-9] /);
    await page.getByRole('button', { name: 'Pause' }).click();
    const place = await page.locator('.place').textContent();
    await page.waitForTimeout(700);
    expect(await page.locator('.place').textContent()).toBe(place);
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('1');
  });

  it("the kernel's translation has its entry; the tunnel its headers stacked and the arithmetic of the MTU", async () => {
    await page.locator('.stop.host button').click();
    expect(await page.locator('.changes').textContent()).toMatch(/DNAT svc\/backendsvc:80 → backend[12]:80/);
    await picture(page, 'kernel');
    await curl(stage.lab, 'frontend', 'http://10.222.2.34/');
    await openSyn(page, 'backend2:80');
    await page.locator('.stop.wire button').click();
    expect(await page.locator('.stack .header-name b').allTextContents()).toEqual([
      'Ethernet',
      'IPv4',
      'UDP',
      'Geneve',
      'Ethernet',
      'IPv4',
      'TCP',
    ]);
    expect(await page.locator('.mtu').textContent()).toContain('outer IP packet110');
    expect(await page.locator('.wire-stage').textContent()).toContain('1450 + 50 = 1500');
    await picture(page, 'tunnel');
  });

  it('the quiz asks for the next table, and the walk is the key', async () => {
    await page.locator('.stop.pass button').first().click();
    await page.getByRole('button', { name: 'Quiz' }).click();
    const quiz = page.getByRole('region', { name: 'Quiz' });
    await quiz.getByRole('button', { name: '30 ConntrackZone' }).click();
    expect(await quiz.getByRole('button', { name: '30 ConntrackZone' }).textContent()).toContain('no');
    await quiz.getByRole('button', { name: '0 Classifier' }).click();
    await expect.poll(() => page.locator('.table-box.current').textContent()).toBe('0Classifier');
    await quiz.getByRole('button', { name: '10 SpoofGuard' }).click();
    await expect.poll(() => quiz.getByRole('status').textContent()).toBe('1 of 2 right');
    await picture(page, 'quiz');
    await page.getByRole('button', { name: 'Quiz' }).click();
  });

  it('the topology has every namespace, port and Service', async () => {
    await view('Topology');
    await page.getByRole('heading', { name: 'worker1' }).waitFor();
    expect(await page.locator('.node').count()).toBe(3);
    expect(await page.locator('.port.pod').count()).toBe(6);
    expect(await page.getByRole('region', { name: 'Table of Services' }).textContent()).toContain('default/backendsvc');
    await picture(page, 'topology');
  });

  it("the pipeline counts live, and shows a table's flows", async () => {
    await view('Pipeline');
    const dnat = page.getByRole('button', { name: /40\s*DNAT/ });
    const packets = async (): Promise<number> =>
      Number((await dnat.locator('.note').textContent())!.replace(/^\+\S+ /, ''));
    await dnat.click();
    const before = await packets();
    await curl(stage.lab, 'frontend', 'http://backendsvc/');
    await expect.poll(packets, { timeout: 5000 }).toBeGreaterThan(before);
    expect(await page.getByRole('region', { name: 'Flows' }).textContent()).toContain('nw_dst=10.96.0.0/12');
    await picture(page, 'pipeline');
    await page.getByRole('link', { name: 'worker2' }).click();
    await expect.poll(() => page.url()).toContain('#/pipeline/worker2');
  });

  it('ledgers show one connection in several places, and who made each entry', async () => {
    await curl(stage.lab, 'client', 'http://10.79.1.202:32422/');
    await view('Ledgers');
    const kernel = page.getByRole('region', { name: 'worker1 kernel', exact: true });
    await expect.poll(() => kernel.textContent()).toContain('DNAT in the kernel of worker1');
    expect(await page.getByRole('region', { name: 'worker1 zone 65520', exact: true }).textContent()).toContain(
      'ct_mark = 0x20: its first packet came from the gateway',
    );
    await picture(page, 'ledgers');
    await page.locator('.connections button').last().click();
    await expect.poll(() => page.getByRole('searchbox').inputValue()).toMatch(/^connection \d+$/);
  });

  it('the fast path: the first request is slow, the second fast, and the megaflows show their masks', async () => {
    await view('Fast path');
    const trial = page.getByRole('region', { name: 'Trial', exact: true });
    await trial.getByLabel('To').fill('10.222.2.34');
    await trial.getByRole('button', { name: 'Run twice' }).click();
    await expect.poll(() => trial.getByRole('row', { name: /worker1/ }).count(), { timeout: 60_000 }).toBe(1);
    const [slow, , , again] = (
      await trial
        .getByRole('row', { name: /worker1/ })
        .getByRole('cell')
        .allTextContents()
    ).map(Number);
    expect([slow > 5, again]).toEqual([true, 0]);
    expect(await page.getByRole('region', { name: 'Megaflows' }).textContent()).toMatch(
      /dst=10\.222\.\d\.0\/255\.255\.255\.0/,
    );
    await picture(page, 'fast-path');
    await watching(page);
  });

  it('a dropped packet is on the map, with its flow and registers, and leads to its walk', async () => {
    // A source address that the pod has not: SpoofGuard.
    await exec(stage.lab.name, 'frontend', ['ip', 'address', 'add', '10.222.1.99/24', 'dev', 'eth0']);
    await exec(stage.lab.name, 'frontend', [
      'curl',
      '-sS',
      '--max-time',
      '1',
      '--interface',
      '10.222.1.99',
      'http://10.222.1.47/',
    ]);
    await exec(stage.lab.name, 'frontend', ['ip', 'address', 'del', '10.222.1.99/24', 'dev', 'eth0']);
    await view('Drops');
    const card = page.getByRole('region', { name: 'Table 10 of worker1' }).first();
    await expect.poll(() => card.textContent(), { timeout: 60_000 }).toContain('SpoofGuard');
    expect(await card.textContent()).toContain('reg0=0x2');
    await picture(page, 'drops');
    await card.getByRole('link').click();
    await expect.poll(() => page.locator('.walk-title').textContent()).toContain('dropped: worker1 table 10');
  });

  it('flows are found by words and by a match', async () => {
    await view('Flows');
    await page.getByLabel('Words').fill('worker1 conjunction');
    await expect.poll(() => page.getByRole('status').first().textContent()).toMatch(/^[1-9]\d? of \d+ flows/);
    expect(
      (await page.locator('.flows tbody tr').allTextContents()).every((row) => /conjunction|conj_id/.test(row)),
    ).toBe(true);
    await picture(page, 'flows');
    await page.getByLabel(/^Match/).fill('table=70,nw_dst=nonsense');
    await page.getByLabel(/^Match/).press('Enter');
    await page.getByRole('alert').filter({ hasText: 'nonsense' }).waitFor();
    expect(problems.splice(0).every((p) => p.includes('400'))).toBe(true); // the browser tells of the refusal too
  });

  it('a round trip is simulated over all nodes, and a described packet traced', async () => {
    await view('Probe');
    await page.getByRole('button', { name: 'Simulate' }).click();
    const outcome = page.getByRole('region', { name: 'Outcome' });
    await expect.poll(() => outcome.textContent(), { timeout: 60_000 }).toContain('gets its answer from backend');
    await picture(page, 'probe');
    await outcome.getByRole('link', { name: 'SYN-ACK' }).click();
    await expect.poll(() => page.locator('.walk-title').textContent()).toContain('no real packet was sent');
    await page.getByRole('button', { name: 'To the end' }).click();
    await view('Probe');
    await page.getByRole('button', { name: 'Trace', exact: true }).click();
    await expect.poll(() => page.locator('.walk-title').textContent()).toContain('trace');
  });

  it('nothing went wrong in the page, and it fetched nothing from elsewhere', () => {
    expect(problems).toEqual([]);
  });
});
