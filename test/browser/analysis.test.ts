/**
 * What the page tells from logs, in a real browser, over twenty runs made from recorded run directories: narrowing down, a task's
 * flow, limits, the typical task, plots. Part of the end-to-end suite, as page.test.ts is.
 */
import assert from 'node:assert/strict';
import { chromium, type Browser, type Page } from 'playwright-core';

import type { ReadInputs } from '../../bridge/commands/from.ts';
import { toNanos } from '../../bridge/core/time.ts';
import { makeRows, none } from '../store/rows.ts';
import { readRunDirs } from '../helpers/run_dirs.ts';
import { serve, type Running } from '../web/server.ts';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const args = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]; // prettier-ignore

const directories = [
  'run_dirs/2026.10.26-W1-htex', 'run_dirs/2023.12.11-W1-htex', 'run_dirs/htex-text-2025', 'fidelity/2024.06.24-W1-fs', 'fidelity/2024.06.24-W5-udp',
  'fidelity/2025.06.30-W1-udp', 'fidelity/2025.06.30-W4-udp', 'fidelity/2026.05.25-W1-htex', 'fidelity/2026.05.25-W3-htex', 'fidelity/2026.05.25-W5-fs',
  'fidelity/2026.10.26-W1-fs', 'fidelity/2026.10.26-W1-threads', 'fidelity/2026.10.26-W1-udp', 'fidelity/2026.10.26-W4-udp', 'fidelity/2026.10.26-W5-htex',
  'fidelity/2026.10.26-W6-htex', 'fidelity/htex-hung',
]; // prettier-ignore
const RUN = '60af0e2a-4e9c-41ec-b7b4-1e79d44fc8ec';
const LIVE = 'cccccccc-0000-4000-8000-000000000001';
const evil = `<img src=x onerror="window.broken=1"><script>window.broken=1</script>`;

describe('the page over logs', function () {
  this.timeout(120_000);
  let browser: Browser;
  let inputs: ReadInputs;
  let bridge: Running;
  let page: Page;
  let runs = 0;
  const problems: string[] = [];

  before(async () => {
    [browser, inputs] = await Promise.all([chromium.launch({ executablePath, args }), readRunDirs(...directories)]);
    runs = (await inputs.reads.runs()).length;
    bridge = await serve({ store: inputs.reads });
  });
  after(async () => {
    await (browser as Browser | undefined)?.close();
    await (bridge as Running | undefined)?.stop();
    (inputs as ReadInputs | undefined)?.close();
  });
  beforeEach(async () => {
    const context = await browser.newContext({ viewport: { width: 1366, height: 860 }, colorScheme: 'light' });
    page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).hostname !== '127.0.0.1') problems.push(`request to ${request.url()}`);
    });
  });
  afterEach(async () => {
    await page.context().close();
    assert.deepEqual(problems.splice(0), []);
  });

  const go = async (hash: string, wait: string, base = bridge.url) => {
    await page.goto(`${base}/${hash}`);
    await page.locator(wait).first().waitFor();
  };
  const rows = () => page.locator('.flow tbody tr:not(.opened)');
  const found = (number: string) =>
    page.locator('.head [role="status"]', { hasText: new RegExp(`^${number}$`) }).waitFor();
  const facet = (key: string) => page.locator(`.facet[data-key="${key}"]`);

  for (const [name, hash, wait] of [
    ['the records of all runs', '#/records', '.flow tbody tr'],
    ['the limits of a run', `#/runs/${RUN}/bottleneck`, '.strip .bars i'],
    ['the typical task', `#/runs/${RUN}/lifeline`, '.histogram rect'],
    ['the plots', `#/runs/${RUN}/plots`, '.tasklines path'],
    ['a task with its flow', `#/runs/${RUN}/tasks/5`, '.flow tbody tr'],
  ] as const) {
    it(`shows ${name}, in both themes and on a phone, without a scroll bar below`, async () => {
      await go(hash, wait);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [1366, 390]) {
          await page.setViewportSize({ width, height: 800 });
          const needed = await page.evaluate<number>('document.documentElement.scrollWidth');
          assert.ok(needed <= width, `${width}: ${needed} wide`);
        }
      }
    });
  }

  it('narrows twenty runs down to one line, click by click, and the address can be mailed', async () => {
    assert.ok(runs >= 20, `${runs} runs`);
    await go('#/records', '.flow tbody tr');
    assert.match(await page.locator('.head [role="status"]').innerText(), /10,000 or more/);
    await page.getByRole('button', { name: `All ${runs}` }).click();
    assert.equal(await facet('parsl.dfk').locator('li').count(), runs);
    await facet('parsl.dfk').getByRole('link', { name: /diamond-W1 60af0e2a/ }).click();
    await page.locator('.token', { hasText: 'Run' }).waitFor();
    await facet('source.log').getByRole('link', { name: /^worker/ }).click();
    await page.locator('.token', { hasText: 'worker' }).waitFor();
    await facet('parsl.task').locator('summary').click();
    await facet('parsl.task').getByRole('button', { name: /^All/ }).click();
    await facet('parsl.task').locator('a[title="5"]').click();
    await found('12');
    await page.getByLabel('Text to look for').fill('Completed');
    await found('1');
    const address = page.url();
    assert.match(address, /parsl\.dfk=60af0e2a.*source\.log=worker.*parsl\.task=5.*text=Completed/);
    await page.goto('about:blank');
    await page.goto(address);
    await found('1');
    assert.match(await rows().first().innerText(), /Completed executor task 12/);

    await page.locator('.token', { hasText: 'Log' }).click();
    await page.getByLabel('Text to look for').fill('');
    await found('31');
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.locator('.head [role="status"]', { hasText: 'or more' }).waitFor();
  }); // prettier-ignore

  it('leads from any value of a record to the records that have the same', async () => {
    await go(`#/records?parsl.dfk=${RUN}&parsl.task=5&source.log=worker`, '.flow tbody tr');
    await rows().first().getByRole('button').click();
    const value = (key: string) => page.locator(`.keys [data-key="${key}"] a`);
    assert.equal(await value('parsl.executor_task').innerText(), '12');
    await value('parsl.executor_task').click();
    await page.locator('.token', { hasText: 'Executor task' }).waitFor();
    const tokens = (await page.locator('.token').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
    assert.deepEqual(tokens, ['Run diamond-W1 60af0e2a', 'Executor htex', 'Executor task 12']);
    await page.goBack();
    await value('parsl.worker').click();
    await page.locator('.token', { hasText: 'Manager' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'What else was said around this time' }).click();
    await page.locator('.token', { hasText: 'not before' }).waitFor();
    assert.ok((await rows().count()) > 12);
  });

  it('narrows down by a key that has no place of its own', async () => {
    await go(`#/records?parsl.dfk=${RUN}`, '.flow tbody tr');
    await page.getByLabel('Narrow down by another key').selectOption('log.logger');
    await facet('log.logger')
      .getByRole('link', { name: /parsl\.dataflow\.dflow/ })
      .click();
    await page.locator('.token', { hasText: 'log.logger' }).waitFor();
    assert.match(page.url(), /log\.logger=parsl\.dataflow\.dflow/);
  });

  it('can be narrowed with the keyboard alone', async () => {
    await go(`#/records?parsl.dfk=${RUN}`, '.flow tbody tr');
    await facet('level').getByRole('link', { name: /ERROR/ }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.token', { hasText: 'ERROR' }).waitFor();
    await rows().first().getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.locator('.record pre').waitFor();
    assert.equal(await rows().first().getByRole('button').getAttribute('aria-expanded'), 'true');
  });

  it('tells a task’s flow and its steps, and hides a log', async () => {
    await go(`#/runs/${RUN}/tasks/5`, '.flow tbody tr');
    assert.equal(await rows().count(), 31);
    const steps = (await page.locator('.steps tbody tr').allInnerTexts()).map((text) => text.split('\t').slice(1, 4).join(' ')); // prettier-ignore
    assert.deepEqual(steps, [
      'out of the submit side +11.9 s 4.27 ms', 'in the interchange’s queue +11.9 s 1.16 s', 'at the manager +13.1 s 2.06 ms', 'at the worker +13.1 s 168 ms',
      'result on its way back +13.3 s 3.55 ms',
    ]); // prettier-ignore
    await page.getByRole('button', { name: /^worker/ }).click();
    await page.locator('.chips [aria-pressed="false"]').waitFor();
    assert.equal(await rows().count(), 19);
    await rows().nth(11).getByRole('button').click();
    assert.match(await page.locator('.record').innerText(), /interchange\.jsonlog/);
    await page.getByRole('link', { name: 'As records' }).click();
    await found('31');
  });

  it('says what limits a run, period by period, and leads from a sign of trouble to its lines', async () => {
    await go(`#/runs/${RUN}/bottleneck`, '.strip .bars i');
    const text = await page.locator('main').innerText();
    for (const part of ['blocks pending', 'workers', 'Where the tasks’ time went', 'in the interchange’s queue', 'Signs of trouble'])
      assert.ok(text.includes(part), part);
    await page.getByRole('link', { name: 'The lines' }).first().click();
    await found('2');
  }); // prettier-ignore

  it('shows the typical task of one app, and the records of a step', async () => {
    await go(`#/runs/${RUN}/lifeline`, '.histogram rect');
    await page.getByLabel('App', { exact: true }).selectOption('flaky');
    await page.waitForURL(/app=flaky/);
    await page.getByText('3 tries,').first().waitFor();
    await page
      .getByRole('link', { name: /^Received executor task/ })
      .first()
      .click();
    await page.locator('.token', { hasText: 'Template' }).waitFor();
    assert.ok((await rows().count()) > 3);
  });

  it('colours the plots by any key', async () => {
    await go(`#/runs/${RUN}/plots`, '.tasklines path');
    await page.getByLabel('Any key of the records').fill('parsl.worker');
    await page.getByRole('button', { name: 'Colour', exact: true }).click();
    await page.waitForURL(/by=parsl\.worker/);
    await page.locator('[data-key="lines"] .legend li', { hasText: '1' }).waitFor();
    const legend = await page.locator('[data-key="lines"] .legend li').allInnerTexts();
    assert.ok(legend.includes('0') && legend.includes('1'), legend.join());
  });

  it('says what would supply a plot that is not there', async () => {
    const threads = (await inputs.reads.runs()).find(({ workflow, rundir }) => workflow !== null && rundir?.includes('W1-threads'));
    await go(`#/runs/${threads!.run}/plots`, '.filters');
    await page.getByText('No blocks:').waitFor();
  }); // prettier-ignore

  it('follows the records of a run that goes on, and shows what looks like markup as text', async () => {
    const live = await serve();
    const rowsOf = makeRows({ run: LIVE, workflow: 'live_one', tasks: 3 });
    const at = rowsOf.runs[0]!.began!;
    const line = (number: number, message: string) => ({
      run: LIVE, time: at + number, record: { time: toNanos(at + number), message, 'parsl.dfk': LIVE, 'source.log': 'parsl', 'source.line': number, odd: evil },
    }); // prettier-ignore
    const write = (number: number, message: string): void => {
      const batch = { ...none, runs: rowsOf.runs, records: [line(number, message)] };
      live.store.write(batch, number);
      live.live.rows(batch);
    };
    write(1, evil);
    await go(`#/records?parsl.dfk=${LIVE}`, '.flow tbody tr', live.url);
    await rows().first().getByRole('button').click();
    await page.locator('.keys').waitFor();
    write(2, 'and on it goes');
    await found('2');
    assert.equal(await page.locator('.keys').count(), 1, 'what was open stays open');
    assert.ok((await page.locator('main').innerText()).includes('<img src=x'));
    assert.equal(await page.locator('main img, main script').count(), 0);
    assert.equal(await page.evaluate('window.broken'), undefined);
    await page.goto('about:blank');
    await live.stop();
    problems.splice(0);
  });

  it('says what is wrong with an address', async () => {
    await go('#/records?limit=0', '.notice, .flow tbody tr');
    await go('#/records?from=noon', '.notice >> text=parameter from');
    await page.close(); // Or one of its requests might still be answered.
    problems.splice(0); // The browser counts 400 as an error.
  });
});
