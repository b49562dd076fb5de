/**
 * parsl-visualize, the installed Parsl's own page, over a database that Parsl wrote and over the one that the sink makes
 * of the same messages: every page says the same, as text and in a browser.
 *
 * Its graphs of tasks need the program `dot` (Debian package `graphviz`). Its page loads plotly.js from a server of its
 * makers, which never got the form of numbers that plotly 6 for Python writes: with plotly 6 the plots stay empty for its
 * users, whatever the database. Here the browser is given the plotly.js that comes with plotly 5.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, type Browser, type Page } from 'playwright-core';

import { messagesOf, recordedDbFile, writeDb } from '../helpers/monitoring_db.ts';
import { tempDir } from '../helpers/receiver.ts';
import { pythonWith, type Python } from './python_packages.ts';

const PARSL = '2026.10.26';
/** Dependencies, failures, retries, joins and memoisation in two runs; and minutes of resources. */
const recordings = ['2026.10.26-W1-htex', '2026.10.26-W5-htex'];
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const serve = 'import sys; from parsl.monitoring.visualization.app import cli_run; cli_run()';
/** Of the divisions that hold plots; new with each answer. */
const PLOT_ID = /(?<=(?:id="|newPlot\(\s*"|getElementById\("))[0-9a-f]{8}-[0-9a-f-]{27}(?=")/g;

interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

async function visualize({ path, packages }: Python, db: string): Promise<Served> {
  const env = { ...process.env, PYTHONPATH: packages };
  const child: ChildProcess = spawn(path, ['-c', serve, `sqlite:///${db}`, '-p', '0'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr! })) {
    said.push(line);
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    if (url === undefined) continue;
    child.stderr!.resume();
    return {
      url,
      async stop() {
        child.kill();
        await exited;
      },
    };
  }
  throw new Error(`parsl-visualize did not start: ${said.join('\n')}`);
}

/** Every page, by path: what can be reached from the first, and the list of all tasks, to which nothing leads. */
async function pagesOf({ url }: Served): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const waiting = ['/'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (pages.has(path)) continue;
    const response = await fetch(url + path);
    const html = await response.text();
    pages.set(path, `${response.status} ${html.replace(PLOT_ID, 'plot')}`);
    if (/^\/workflow\/[^/]+\/$/.test(path)) waiting.push(`${path}task/`);
    for (const [, link = ''] of html.matchAll(/href="([^"#]+)"/g)) {
      const { origin, pathname } = new URL(link, url + path);
      if (origin === url && !pathname.startsWith('/static/')) waiting.push(pathname);
    }
  }
  return pages;
}

describe('parsl-visualize', function () {
  this.timeout(300_000);
  let python: Python;
  let browser: Browser;
  const served: Served[] = [];

  before(async () => {
    execFileSync('dot', ['-V'], { stdio: 'ignore' });
    python = pythonWith(PARSL, 'visualization', [`parsl[monitoring,visualization]==${PARSL}`, 'plotly<6']);
    browser = await chromium.launch({ executablePath, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
  });
  after(() => (browser as Browser | undefined)?.close());
  afterEach(async () => {
    for (const one of served.splice(0)) await one.stop();
  });

  /** Parsl's own database of a recording, and ours, each under a server. */
  async function both(name: string): Promise<readonly [Served, Served]> {
    const dir = await tempDir();
    const [theirs, ours] = [join(dir, 'theirs.db'), join(dir, 'ours.db')];
    copyFileSync(recordedDbFile(name, dir), theirs);
    writeDb(ours, messagesOf(name));
    for (const db of [theirs, ours]) served.push(await visualize(python, db));
    return served as unknown as readonly [Served, Served];
  }

  for (const name of recordings)
    it(`${name}: every page is the same text`, async () => {
      const [theirs, ours] = await both(name);
      const wanted = await pagesOf(theirs);
      const found = await pagesOf(ours);
      assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort());
      for (const [path, text] of wanted) assert.equal(found.get(path), text, path);
      assert.ok(wanted.size > 10, `${wanted.size} pages`);
      for (const [path, text] of wanted) assert.match(text, /^200 /, path);
    });

  it('shows the same tables and plots in a browser, on one page of each kind', async () => {
    const [theirs, ours] = await both(recordings[0] ?? '');
    const kindOf = (path: string): string =>
      path.replace(/[0-9a-f-]{36}/, 'RUN').replace(/\/(app|task)\/[^/]+$/, '/$1/ONE');
    const kinds = new Map([...(await pagesOf(theirs)).keys()].map((path) => [kindOf(path), path]));
    let plots = 0;
    for (const path of kinds.values()) {
      const wanted = await look(theirs.url + path);
      const found = await look(ours.url + path);
      assert.deepEqual(found, wanted, path);
      plots += wanted.plots.length;
    }
    assert.ok(kinds.size >= 8, [...kinds.keys()].join(' '));
    assert.ok(plots >= 8, `${plots} plots`);
  });

  async function look(url: string): Promise<{ tables: string[]; plots: string[]; drawn: number[] }> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await offline(page, python.packages);
    await page.goto(url, { waitUntil: 'load' });
    const seen = await page.evaluate(`(() => {
      const all = (selector) => [...document.querySelectorAll(selector)];
      return {
        tables: all('table').map((table) => table.innerText),
        plots: all('.js-plotly-plot').map((plot) => JSON.stringify([plot.data, plot.layout.title])),
        drawn: all('.js-plotly-plot').map((plot) => plot.querySelectorAll('svg path').length),
      };
    })()`);
    await page.close();
    assert.deepEqual(problems, [], url);
    return seen as Awaited<ReturnType<typeof look>>;
  }
});

/** All that the page asks of jQuery. */
const JQUERY = 'window.$ = () => ({ ready() {}, tooltip() {} });';

/** What the page loads from elsewhere: plotly.js from the package, and nothing of the rest, which is decoration. */
async function offline(page: Page, packages: string): Promise<void> {
  const plotly = readFileSync(join(packages, 'plotly', 'package_data', 'plotly.min.js'), 'utf8');
  const scripts: readonly (readonly [string, string])[] = [['plotly', plotly], ['jquery', JQUERY]]; // prettier-ignore
  await page.route(/^https?:\/\/(?!127\.0\.0\.1)/, (route) => {
    const [, body] = scripts.find(([name]) => route.request().url().includes(name)) ?? [];
    return body === undefined ? route.abort() : route.fulfill({ contentType: 'text/javascript', body });
  });
}
