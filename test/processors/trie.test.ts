import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { Hole } from '../../bridge/processors/template.ts';
import { parseTemplate, shownTemplate } from '../../bridge/processors/template.ts';
import { Trie } from '../../bridge/processors/trie.ts';

interface Rule {
  readonly name: string;
  readonly accepts: undefined;
  readonly holes: number;
}

function holesOf(template: string): Hole[] {
  return parseTemplate(template).filter((part) => typeof part !== 'string');
}

function trieOf(...templates: string[]): Trie<Rule> {
  const trie = new Trie<Rule>();
  for (const name of templates)
    trie.add(parseTemplate(name), { name, accepts: undefined, holes: holesOf(name).length });
  return trie;
}

/** What the template's holes match, by name; undefined if it does not match. */
function match(template: string, text: string): Record<string, string> | undefined {
  const found = trieOf(template).find(text, text.length);
  return found && Object.fromEntries(holesOf(template).map(({ key }, at) => [key ?? '', found.texts[at] ?? '']));
}

describe('processors/trie', () => {
  it('matches the whole text, and gives what each hole matched', () => {
    const template = 'Parsl task {parsl.task:int} try {parsl.try:int} launched on executor {parsl.executor}';
    assert.deepEqual(match(template, 'Parsl task 12 try 0 launched on executor htex'), {
      'parsl.task': '12',
      'parsl.try': '0',
      'parsl.executor': 'htex',
    });
    assert.equal(match(template, 'Parsl task 12 try 0 launched on executor htex with executor id 7'), undefined);
    assert.equal(match(template, 'Parsl task twelve try 0 launched on executor htex'), undefined);
  });

  it('ends a word where what follows begins, also within the word', () => {
    assert.deepEqual(match("manager b'{parsl.manager:word}'", "manager b'8f8ba7000809'"), { 'parsl.manager': '8f8ba7000809' }); // prettier-ignore
    assert.deepEqual(match('{a:word}.block-{b:int}', 'parsl.htex.block-3'), { a: 'parsl.htex', b: '3' });
  });

  it('takes the last part of a path where the text before it may be anything', () => {
    const template = 'at {:text}/{label:segment}/function_data/{:int}/function';
    assert.equal(match(template, 'at /home/user/runinfo/000/wq/function_data/0012/function')?.['label'], 'wq');
  });

  it('prefers literal text to a hole, and a strict hole to a loose one', () => {
    const trie = trieOf('to {parsl.task_state:word}', 'to launched', '{:text}', 'to {parsl.task:int}');
    const nameOf = (text: string): string | undefined => trie.find(text, text.length)?.rule.name;
    assert.equal(nameOf('to launched'), 'to launched');
    assert.equal(nameOf('to 12'), 'to {parsl.task:int}');
    assert.equal(nameOf('to failed'), 'to {parsl.task_state:word}');
    assert.equal(nameOf('whatever'), '{:text}');
  });

  it('tries another template where the first one that begins alike does not match', () => {
    const trie = trieOf('Task {parsl.task:int} failed after {:int} retries', 'Task {parsl.task:int} failed');
    assert.equal(trie.find('Task 3 failed', 13)?.rule.name, 'Task {parsl.task:int} failed');
  });

  it('knows literal braces, and lists that are empty', () => {
    assert.deepEqual(match('Sending {{{:text}}} to {hub:word}', "Sending {'a': 1} to Hub"), {
      '': "'a': 1",
      hub: 'Hub',
    });
    assert.deepEqual(match('tasks [{parsl.executor_task:ints}]', 'tasks []'), { 'parsl.executor_task': '' });
    assert.equal(shownTemplate(parseTemplate('{{{:text}}} {parsl.task}')), '{*} {parsl.task}');
  });

  it('finds what was put into a template, whatever it is', () => {
    const word = fc.stringMatching(/^[a-z.#-]{1,12}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.nat(), word), { minLength: 1, maxLength: 5 }), (pieces) => {
        const template = pieces.map(([literal], at) => `${literal} {n${at}:int} {w${at}:word} `).join('');
        const text = pieces.map(([literal, number, filled]) => `${literal} ${number} ${filled} `).join('');
        const expected = pieces.flatMap(([, number, filled], at) => [[`n${at}`, String(number)], [`w${at}`, filled]]); // prettier-ignore
        assert.deepEqual(match(template, text), Object.fromEntries(expected));
      }),
    );
  });

  it('gives up a text on which a template would take too long, within bounded time', () => {
    const template = '{a:text}a{b:text}a{c:text}a{d:text}a{e:text}a{f:text}a{g:text}!';
    const text = 'a'.repeat(8_000);
    const began = performance.now();
    assert.equal(match(template, text), undefined);
    assert.ok(performance.now() - began < 2_000);
  });

  it('says what is wrong with a template, and where', () => {
    for (const [template, why] of [
      ['Task {parsl.task', /brace at 6 is not closed/],
      ['Task }', /brace at 6 closes nothing/],
      ['{a:float}', /no type float; there are int/],
      ['{a:int:b}', /give \{key\} or \{key:type\}/],
      ['{a:int}{b:int}', /nothing between them/],
      ['{a:int} {a:int}', /one key in two holes/],
      ['{a:ints} {b:words}', /more than one list/],
      ['', /empty/],
      ['x'.repeat(501), /longer than 500/],
    ] as const)
      assert.throws(() => parseTemplate(template), { code: 'BRIDGE_CONFIG', message: why }, template);
  });

  it('takes the type of a known key from the table of keys', () => {
    assert.deepEqual(parseTemplate('{parsl_task_id} {parsl.dfk} {other}'), [
      { key: 'parsl.task', type: 'int' },
      ' ',
      { key: 'parsl.dfk', type: 'uuid' },
      ' ',
      { key: 'other', type: 'word' },
    ]);
  });
});
