import assert from 'node:assert/strict';

import type { Route } from '../../bridge/core/component.ts';
import { ask, serve, TOKEN, type Running } from './server.ts';

const route = (method: 'GET' | 'POST', path: string, access: Route['access']): Route => ({
  method,
  path,
  access,
  handle: (_request, response) => void response.end('served'),
});
const routes = [
  route('GET', '/public', 'public'),
  route('GET', '/metrics', 'data'),
  route('POST', '/v1/records', 'control'),
  { ...route('GET', '/broken', 'public'), handle: () => Promise.reject(new Error('secret detail')) },
];
const bearer = { authorization: `Bearer ${TOKEN}` };
const wrong = { authorization: 'Bearer wrong' };

/** Path, method, then who gets what: nobody, a wrong token, the cookie, the token. */
const rules: [boolean, string, 'GET' | 'POST', number, number, number, number][] = [
  [true, '/', 'GET', 200, 200, 200, 200],
  [true, '/healthz', 'GET', 200, 200, 200, 200],
  [true, '/readyz', 'GET', 200, 200, 200, 200],
  [true, '/api/runs', 'GET', 200, 200, 200, 200],
  [true, '/api/info', 'GET', 200, 200, 200, 200],
  [true, '/js/main.js', 'GET', 200, 200, 200, 200],
  [true, '/public', 'GET', 200, 200, 200, 200],
  [true, '/metrics', 'GET', 200, 200, 200, 200],
  [true, '/v1/records', 'POST', 401, 401, 401, 200],
  [false, '/', 'GET', 401, 401, 200, 200],
  [false, '/healthz', 'GET', 200, 200, 200, 200],
  [false, '/readyz', 'GET', 200, 200, 200, 200],
  [false, '/api/runs', 'GET', 401, 401, 200, 200],
  [false, '/api/info', 'GET', 401, 401, 200, 200],
  [false, '/api/nothing', 'GET', 401, 401, 404, 404],
  [false, '/api/live', 'GET', 401, 401, 0, 0],
  [false, '/api/stream', 'GET', 401, 401, 0, 0],
  [false, '/js/main.js', 'GET', 401, 401, 200, 200],
  [false, '/style.css', 'GET', 200, 200, 200, 200],
  [false, '/public', 'GET', 200, 200, 200, 200],
  [false, '/metrics', 'GET', 401, 401, 200, 200],
  [false, '/v1/records', 'POST', 401, 401, 401, 200],
];

describe('web/access', () => {
  const bridges = new Map<boolean, Running>();
  before(async () => {
    for (const loopback of [true, false])
      bridges.set(loopback, await serve({ routes, access: { token: TOKEN, loopback } }));
  });
  after(() => Promise.all([...bridges.values()].map((bridge) => bridge.stop())));

  async function cookieOf({ get }: Running): Promise<Record<string, string>> {
    const { headers } = await get(`/?token=${TOKEN}`);
    return { cookie: headers['set-cookie']![0]!.split(';', 1)[0]! };
  }

  for (const [loopback, path, method, nobody, wrongly, cookie, token] of rules) {
    it(`${loopback ? 'on' : 'off'} loopback ${method} ${path} is for ${nobody === 200 ? 'everyone' : cookie === 401 ? 'the token alone' : 'token and cookie'}`, async () => {
      const bridge = bridges.get(loopback)!;
      const status = async (headers: Record<string, string>) => (await ask(bridge.port, method, path, headers)).status;
      assert.deepEqual([await status({}), await status(wrong)], [nobody, wrongly]);
      if (cookie === 0) return; // A stream, which does not end: test/web/live.test.ts reads those.
      assert.deepEqual([await status(await cookieOf(bridge)), await status(bearer)], [cookie, token]);
    });
  }

  it('takes the token once in the address, and turns it into a cookie that scripts and other sites cannot use', async () => {
    const { status, headers } = await bridges.get(false)!.get(`/?view=1&token=${TOKEN}`);
    assert.deepEqual([status, headers.location], [303, '.?view=1']);
    const cookie = headers['set-cookie']![0]!;
    assert.match(cookie, /; HttpOnly/);
    assert.match(cookie, /; SameSite=Strict/);
    assert.ok(!cookie.includes(TOKEN));
  });

  it('asks for the token with a page, and says if it was wrong by no cookie', async () => {
    const { status, headers, text } = await bridges.get(false)!.get('/?token=wrong');
    assert.deepEqual([status, headers['set-cookie']], [401, undefined]);
    assert.match(text, /asks for its token/);
  });

  it('does not take another bridge’s cookie', async () => {
    const other = await serve({ access: { token: `${TOKEN}-2`, loopback: false } });
    const { headers } = await other.get(`/?token=${TOKEN}-2`);
    const cookie = headers['set-cookie']![0]!.split(';', 1)[0]!;
    assert.equal((await bridges.get(false)!.get('/api/runs', { cookie })).status, 401);
    assert.equal(
      (
        await bridges
          .get(false)!
          .get('/api/runs', { cookie: `${cookie}; ${(await cookieOf(bridges.get(false)!)).cookie}` })
      ).status,
      200,
    );
    await other.stop();
  });

  it('answers on loopback only to names of this machine, against rebound names', async () => {
    const { get } = bridges.get(true)!;
    const status = async (host: string) => (await get('/api/runs', { host })).status;
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1:4380', '127.0.1.1', '[::1]:4380'])
      assert.equal(await status(host), 200, host);
    for (const host of [
      'evil.example',
      'evil.example:4380',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
    ])
      assert.equal(await status(host), 403, host);
    const proxied = await serve({ access: { token: TOKEN, loopback: true, hosts: ['hub.example'] } });
    assert.equal((await proxied.get('/api/runs', { host: 'hub.example' })).status, 200);
    await proxied.stop();
  });

  it('sends a policy that lets nothing inline or foreign run, and nothing to learn from a failure', async () => {
    const { get } = bridges.get(true)!;
    for (const path of ['/', '/api/runs', '/nothing', '/broken']) {
      const { headers, text } = await get(path);
      const policy = headers['content-security-policy'] as string;
      assert.match(policy, /default-src 'self'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-powered-by'], undefined);
      assert.ok(!text.includes('secret detail'));
    }
    assert.doesNotMatch((await get('/')).text, /<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);
  });

  it('serves nothing outside its directory', async () => {
    const { get } = bridges.get(true)!;
    for (const path of ['/../app.ts', '/..%2fapp.ts', '/%2e%2e/app.ts', '/js/..%5c..%5capp.ts', '/.git/config']) {
      assert.ok([403, 404, 400].includes((await get(path)).status), path);
    }
  });

  it('says which method a component’s path takes', async () => {
    const { status, headers } = await ask(bridges.get(true)!.port, 'GET', '/v1/records', bearer);
    assert.deepEqual([status, headers.allow], [405, 'POST']);
  });
});
