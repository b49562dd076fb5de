/** How to connect a workflow, and what the bridge says of itself. */
import { get } from '../api.js';
import { copyButton, h } from '../dom.js';
import { bytes, count, duration } from '../format.js';

export function connectView() {
  return {
    trail: () => [{ text: 'Connect', href: '#/connect' }],
    concerns: () => true,
    load: (_route, signal) => get('info', {}, signal),
    render: (info) => [
      h('div.narrow', { 'data-key': 'connect' }, connectCards(info, false)),
      h('div.narrow', { 'data-key': 'bridge' }, bridge(info)),
    ],
  };
}

function code(text, label) {
  return h('div.code', null, h('pre', null, text), copyButton(text, label));
}

export function connectCards(info, isEmpty) {
  const port = new URL(info.url).port || '80';
  const own = location.port || port;
  return [
    isEmpty
      ? h('section.card.hero', { 'data-key': 'empty' },
          h('h1', null, 'No run has reached this bridge yet'),
          h('p', null, 'It is up and waits. As soon as a workflow that is set up as below begins, it shows up here by itself.'))
      : h('div.head', { 'data-key': 'title' }, h('h1', null, 'Connect')),
    h('section.card', { 'data-key': 'plugin' },
      h('h2', null, 'Send a workflow here'),
      h('p', null, info.install === undefined ? 'Once, into the Python environment that runs Parsl, from the directory of parsl-otel:' : 'Once, into the Python environment that runs Parsl:'),
      code(info.install ?? 'pip install ./python', 'the command'),
      h('p', null, 'Then two lines in the script or its configuration:'),
      code('from parsl_otel import OTelMonitoringHub\n\nconfig = Config(..., monitoring=OTelMonitoringHub())', 'the lines'),
      h('p.muted', null, 'The plugin finds this bridge by its connection file, ', h('code', null, info.connection_file),
        '. On another file system, copy that file and set ', h('code', null, 'PARSL_OTEL_CONNECTION_FILE'), '.')),
    h('section.card', { 'data-key': 'look' },
      h('h2', null, 'Look from elsewhere'),
      h('p', null, 'From a laptop, through ssh; then open ', h('code', null, `http://localhost:${own}`), ':'),
      code(`ssh -L ${own}:127.0.0.1:${port} ${info.host}`, 'the command')),
    h('section.card', { 'data-key': 'demo' },
      h('h2', null, 'Just look around'),
      h('p', null, 'Recorded workflows, played as if they ran now:'),
      code('npm start -- --demo', 'the command')),
  ]; // prettier-ignore
}

function bridge(info) {
  const receivers = Object.entries(info.receivers);
  return [
    h('section.card.flush', { 'data-key': 'receivers' },
      h('h2', null, 'Where this bridge listens'),
      h('table.facts', null,
        fact('Page and API', info.url), fact('Connection file', info.connection_file), fact('Data directory', info.data_dir),
        fact('Version', info.version), fact('Ready', info.ready ? 'yes' : `no: ${info.waiting_for.join(', ')}`),
        receivers.map(([id, facts]) => fact(id, Object.entries(facts).map(([key, value]) => `${key} ${value}`).join(', ') || 'on')))),
    info.meters.length === 0 ? null : h('section.card.flush', { 'data-key': 'meters' },
      h('h2', null, 'What it counted'),
      h('div.scroll', null, h('table.list', null,
        h('thead', null, h('tr', null, ['What', 'Of', 'Value'].map((label, k) => h(k === 2 ? 'th.num' : 'th', { scope: 'col' }, label)))),
        h('tbody', null, info.meters.flatMap(meterRows))))),
  ]; // prettier-ignore
}

function fact(label, value) {
  return h('tr', null, h('th', { scope: 'row' }, label), h('td', null, h('code', null, value)));
}

function meterRows({ name, unit, description, points }) {
  const shown =
    unit === 'By'
      ? bytes
      : unit === 's'
        ? (value) => duration(value * 1e6)
        : (value) => count(Math.round(value * 1000) / 1000);
  return points.map(({ attributes, value }) =>
    h(
      'tr',
      null,
      h('td', { title: name }, description),
      h(
        'td.muted',
        null,
        Object.values(attributes)
          .filter((value) => value !== '')
          .join(' · '),
      ),
      h('td.num', null, shown(value)),
    ),
  );
}
