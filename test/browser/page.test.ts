/**
 * The page in a real browser. Part of the end-to-end suite: it needs Chromium (Debian package `chromium`; the
 * variable CHROMIUM names another).
 */
import assert from 'node:assert/strict';
import { chromium, type Browser, type Page } from 'playwright-core';

import type { Rows } from '../../bridge/core/row.ts';
import { cut, makeRows, none } from '../store/rows.ts';
import { serve, TOKEN, type Running } from '../web/server.ts';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const args = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]; // prettier-ignore

const whole = makeRows({ tasks: 10_000, samples: 4, blocks: 6 });
const run = whole.runs[0]!.run;
const failed = whole.tasks.find(({ state, tries }) => state === 'failed' && tries === 3)!;
const silent = whole.tries.find(({ running, running_ended }) => running !== null && running_ended === null)!;
const evil = `<img src=x onerror="window.broken=1"><script>window.broken=1</script>`;
const LIVE = 'aaaaaaaa-0000-4000-8000-000000000001';

/** Every view of a run; a task that failed and one of which a worker's word is missing stand for tasks. */
const views: [string, string, string][] = [
  ['the list of runs', '#/', 'table.list tbody tr'],
  ['how to connect', '#/connect', '.code'],
  ['a run', `#/runs/${run}`, '.chart path'],
  ['its tasks', `#/runs/${run}/tasks`, 'table.tasks tbody tr'],
  ['its workers', `#/runs/${run}/workers`, 'table.list tbody tr'],
  ['its failures', `#/runs/${run}/failures`, 'table.failures tbody tr'],
  ['a task that failed', `#/runs/${run}/tasks/${failed.task}`, '.waterfall .bar-phase'],
  ['a task with an inferred time', `#/runs/${run}/tasks/${silent.task}`, '.waterfall .hatched'],
];

describe('the page', function () {
  this.timeout(60_000);
  let browser: Browser;
  let bridge: Running;
  let page: Page;
  const problems: string[] = [];

  before(async () => {
    browser = await chromium.launch({ executablePath, args });
    bridge = await serve({ rows: [whole] });
  });
  after(async () => {
    await (browser as Browser | undefined)?.close();
    await (bridge as Running | undefined)?.stop();
  });
  beforeEach(async () => {
    page = await open();
  });
  afterEach(async () => {
    await page.context().close();
    assert.deepEqual(problems.splice(0), []);
  });

  /** A fresh profile; whatever the console says, and every request to elsewhere, is a problem. */
  async function open(options: object = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      ...options,
    });
    const opened = await context.newPage();
    opened.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    opened.on('pageerror', (error) => problems.push(error.message));
    opened.on('request', (request) => {
      if (new URL(request.url()).hostname !== '127.0.0.1') problems.push(`request to ${request.url()}`);
    });
    return opened;
  }

  const go = async (hash: string, wait: string, on = page, base = bridge.url) => {
    await on.goto(`${base}/${hash}`);
    await on.locator(wait).first().waitFor();
  };
  const texts = (selector: string) => page.locator(selector).allInnerTexts();
  const column = async (index: number) => texts(`table.tasks tbody td:nth-child(${index})`);
  const seconds = (text: string): number => {
    const units: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3, µs: 1e-6 };
    return [...text.matchAll(/([\d.]+)\s*(ms|µs|h|m|s)/g)].reduce(
      (sum, [, value, unit]) => sum + Number(value) * units[unit!]!,
      0,
    );
  };

  for (const [name, hash, wait] of views) {
    it(`shows ${name}, in both themes and on a phone, without a scroll bar below`, async () => {
      await go(hash, wait);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        assert.equal(ground, colorScheme === 'light' ? 'rgb(247, 247, 245)' : 'rgb(18, 20, 23)');
        for (const width of [1280, 390]) {
          await page.setViewportSize({ width, height: 800 });
          const needed = await page.evaluate<number>('document.documentElement.scrollWidth');
          assert.ok(needed <= width, `${width}: ${needed} wide`);
        }
      }
    });
  }

  it('sums up a run: name, counts, progress, what failed', async () => {
    await go(`#/runs/${run}`, '.chart path');
    assert.equal(await page.locator('h1').innerText(), 'reactor_sweep');
    assert.equal(await page.title(), 'reactor_sweep · Runs · parsl-otel');
    const done = whole.tasks.filter(({ state }) => state === 'exec_done').length;
    assert.ok(
      (await texts('.counts li')).some(
        (text) => text.replace(/\s+/g, ' ') === `exec_done ${done.toLocaleString('en-GB')}`,
      ),
    );
    assert.deepEqual((await texts('.progress tbody td:first-child')).slice(0, 4), [
      'simulate',
      'analyse',
      'fetch_inputs',
      'merge_tree',
    ]);
    assert.ok((await texts('.failures tbody td:first-child')).includes('ManagerLost'));
  });

  it('filters, sorts and pages tasks, and keeps all of it in the address', async () => {
    await go(`#/runs/${run}/tasks`, 'table.tasks tbody tr');
    assert.equal(await page.locator('.pager span').innerText(), '1–100 of 10,000');
    await page.getByRole('columnheader', { name: 'Ran' }).getByRole('link').click();
    await page.locator('th[aria-sort="descending"]').waitFor();
    await page.getByLabel('app', { exact: true }).selectOption('analyse');
    await page.locator('.pager span', { hasText: 'of 2,500' }).waitFor();
    assert.ok((await column(2)).every((app) => app === 'analyse'));
    const ran = (await column(10)).filter((text) => text !== '–').map(seconds);
    assert.ok(
      ran.every((value, k) => k === 0 || value <= ran[k - 1]! + 1),
      ran.join(' '),
    );

    await page.getByRole('button', { name: /^exec_done/ }).click();
    await page.locator('.chips [aria-pressed="true"]').waitFor();
    await page.locator('.pager span', { hasText: /of (?!2,500)/ }).waitFor();
    await page.getByRole('link', { name: 'Next' }).click();
    await page.locator('.pager span', { hasText: /^101–200/ }).waitFor();
    const address = page.url();
    assert.match(address, /app=analyse/);
    const shown = await column(1);

    const mailed = await open();
    await mailed.goto(address);
    await mailed.locator('.pager span', { hasText: /^101–200/ }).waitFor();
    assert.deepEqual(await mailed.locator('table.tasks tbody td:nth-child(1)').allInnerTexts(), shown);
    await mailed.context().close();

    await page.goBack();
    await page.locator('.pager span', { hasText: /^1–100/ }).waitFor();
    await page.getByLabel('Text to look for').fill('BashExit');
    await page.waitForURL(/text=BashExit/);
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.locator('.pager span', { hasText: 'of 10,000' }).waitFor();
  });

  it('leads from a failure to its tasks, to a task, to its neighbours and back', async () => {
    await go(`#/runs/${run}/failures`, 'table.failures tbody tr');
    await page.getByRole('link', { name: 'ManagerLost' }).first().click();
    await page.locator('.token', { hasText: 'error ManagerLost' }).waitFor();
    await page.locator('table.tasks tbody td:first-child a').first().click();
    await page.locator('.waterfall').waitFor();
    const at = page.url();
    await page.locator('.neighbour').first().click();
    await page.waitForURL((url) => url.href !== at);
    await page.locator('.waterfall').waitFor();
    await page.goBack();
    await page.waitForURL(at);
  });

  it('tells of a task what it knows: tries, both lanes, error, trace, files', async () => {
    await go(`#/runs/${run}/tasks/${failed.task}`, '.waterfall');
    const text = await page.locator('main').innerText();
    for (const part of [
      failed.trace_id,
      failed.fail_history!,
      'try 2',
      'By the submit side',
      'By the worker',
      'Resident memory',
    ])
      assert.ok(text.includes(part), part);
    assert.equal(
      await page.getByRole('link', { name: 'Jaeger' }).getAttribute('href'),
      `http://localhost:16686/trace/${failed.trace_id}`,
    );
    await page.getByText('As numbers').click();
    assert.equal(
      await page.locator('.waterfall details tbody tr').count(),
      10,
      'pending and three phases of three tries',
    );
    await page.getByRole('button', { name: /^try 1/ }).click();
    await page.locator('.label[aria-pressed="true"]').waitFor();
  });

  it('marks a time that was inferred, by pattern, title and words', async () => {
    await go(`#/runs/${run}/tasks/${silent.task}`, '.waterfall .hatched');
    assert.match((await page.locator('.bar-phase.hatched').first().getAttribute('title'))!, /its end is inferred/);
    await page.getByText('As numbers').click();
    assert.ok((await texts('.waterfall details td:last-child')).includes('end inferred'));
  });

  it('tells the values of a curve by pointer and by keys, and hides a state', async () => {
    await go(`#/runs/${run}`, '.chart path');
    const plot = page.locator('.plot').first();
    await plot.hover();
    assert.match(await page.locator('.tip').first().innerText(), /exec_done/);
    await plot.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    assert.match(await page.locator('.over [aria-live]').first().innerText(), /exec_done [\d,]+/);
    const paths = await page.locator('.plot').first().locator('path').count();
    await page.getByRole('button', { name: 'exec_done', exact: true }).click();
    assert.equal(await page.locator('.plot').first().locator('path').count(), paths - 1);
    await page.getByRole('button', { name: 'In flight' }).click();
    assert.equal(await page.locator('.legend [aria-pressed="true"]', { hasText: 'memo_done' }).count(), 0);
  });

  it('switches the theme, and remembers it', async () => {
    await go('#/', 'table.list');
    await page.getByRole('button', { name: /light and dark/ }).click();
    await page.reload();
    await page.locator('table.list').waitFor();
    assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(18, 20, 23)');
  });

  it('can be used with the keyboard alone', async () => {
    await go('#/', 'table.list');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to content');
    await page.locator('td a.name').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('.tabs').waitFor();
    await page.getByRole('link', { name: /^Tasks/ }).focus();
    await page.keyboard.press('Enter');
    await page.locator('table.tasks tbody tr').first().waitFor();
  });

  it('follows a run as it goes, without building the page anew or taking the focus away', async () => {
    const other = await serve();
    const began = Date.now() * 1000 - 60e6;
    const all = makeRows({ run: LIVE, workflow: 'live_one', tasks: 200, began, at: 1e9 });
    const write = (rows: Rows, seq: number) => {
      other.store.write(rows, seq);
      other.live.rows(rows);
    };
    await go('#/', '.hero', page, other.url);
    assert.match(await page.locator('main').innerText(), /OTelMonitoringHub/);
    write(cut(all, began + 40e6), 1);
    await page.getByRole('link', { name: 'live_one' }).click();
    await page.locator('.status.running').waitFor();
    const before = await page
      .locator('.counts li', { hasText: 'exec_done' })
      .innerText()
      .catch(() => '');
    await page.getByRole('link', { name: /^Tasks/ }).click();
    await page.locator('table.tasks tbody tr').first().waitFor();
    await page.evaluate(`document.querySelector('table.tasks').marked = true`);
    await page.getByLabel('Text to look for').focus();
    write(cut(all, began + 55e6), 2);
    const done = cut(all, began + 55e6).tasks.filter(({ state }) => state === 'exec_done').length;
    await page
      .locator('.counts li', { hasText: `exec_done ${done}` })
      .or(page.locator('.counts li', { hasText: new RegExp(`exec_done\\s*${done}`) }))
      .first()
      .waitFor();
    assert.notEqual(before, String(done));
    assert.equal(await page.evaluate(`document.querySelector('table.tasks').marked`), true);
    assert.equal(await page.evaluate(`document.activeElement.type`), 'search');
    await other.stop();
    await page.locator('.link[data-state="off"]').waitFor();
    problems.splice(0); // The browser says that the bridge has gone; so it has.
  });

  it('shows names that look like markup as text', async () => {
    const id = 'bbbbbbbb-0000-4000-8000-000000000001';
    const rows = makeRows({ run: id, tasks: 3, workflow: evil });
    const bad = {
      app: evil,
      host: evil,
      fail_history: evil,
      state: 'failed',
      stdout: `javascript:${evil}`,
      executor: evil,
      block: evil,
      manager: evil,
    };
    const row = rows.runs[0]!;
    bridge.store.write(
      {
        ...none,
        runs: [{ ...row, user: evil, host: evil, rundir: evil, version: evil, parsl_version: evil }],
        tasks: rows.tasks.map((task) => ({ ...task, ...bad })),
        tries: rows.tries.map((attempt) => ({
          ...attempt,
          host: evil,
          executor: evil,
          fail_history: evil,
          states: JSON.stringify([['submit', evil, 1]]),
        })),
        blocks: rows.blocks.map((block) => ({ ...block, executor: evil, state: evil, job: evil })),
        managers: rows.managers.map((manager) => ({ ...manager, host: evil, executor: evil })),
      },
      2,
    );
    for (const tab of ['', '/tasks', '/workers', '/failures', '/tasks/1', `/tasks?error=${encodeURIComponent(evil)}`]) {
      await go(`#/runs/${id}${tab}`, '.runhead');
      await page.locator('main .card').first().waitFor();
      assert.ok((await page.locator('body').innerText()).includes('<img src=x'), tab);
      assert.equal(await page.evaluate('window.broken'), undefined);
      assert.equal(await page.locator('main img, main script').count(), 0);
    }
    await go('#/', 'table.list');
    assert.equal(await page.evaluate('window.broken'), undefined);
  });

  it('shows of a task that only records of a prototype name what they say', async () => {
    const record = { message: 'job on blue', 'parsl.dfk': run, 'parsl.task': 77_777, time: 1_795_262_514_000_000_000n };
    bridge.store.write({ ...none, records: [{ run, time: 1_795_262_514_000_000, record }] }, 3);
    await go(`#/runs/${run}/tasks/77777`, '.flow');
    assert.match(await page.locator('main').innerText(), /Task 77777[^]*only records that name it[^]*job on blue/);
    problems.splice(0); // The browser counts 404 as an error: there is no such task.
  });

  it('says what is wrong with an address that leads nowhere', async () => {
    for (const [hash, text] of [
      ['#/runs/nobody', /there is no run nobody/],
      [`#/runs/${run}/tasks/99999`, /no such task/],
      [`#/runs/${run}/tasks?sort=colour`, /parameter sort/],
    ] as const) {
      await go(hash, '.notice');
      assert.match(await page.locator('.notice').innerText(), text);
    }
    problems.splice(0); // The browser counts 404 and 400 as errors.
  });

  it('asks for the token off loopback, and leads to the mailed address after it', async () => {
    const other = await serve({ rows: [whole], access: { token: TOKEN, loopback: false } });
    await go(`#/runs/${run}/tasks/7`, 'form', page, other.url);
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button').click();
    await page.locator('#wrong:not([hidden])').waitFor();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button').click();
    await page.locator('.waterfall').waitFor();
    assert.equal(page.url(), `${other.url}/#/runs/${run}/tasks/7`);
    problems.splice(0); // 401 twice.
    await other.stop();
    await page.locator('.link[data-state="off"]').waitFor();
    problems.splice(0);
  });
});
