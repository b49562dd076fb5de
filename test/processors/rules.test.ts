/** The rules that come with parsl-otel, taken together: a message names a rule, and a file refers to rules, by name alone. */
import assert from 'node:assert/strict';

import { shippedRules } from '../../bridge/rules.ts';

describe('processors/rules', () => {
  it('have names that are unique within their section over all files', () => {
    const sections = Object.groupBy(
      shippedRules().flatMap((file) => Object.entries(file).flatMap(([section, rules]) => rules.map(({ name }) => ({ section, name })))),
      ({ section }) => section,
    );
    for (const [section, rules = []] of Object.entries(sections)) {
      const names = rules.map(({ name }) => name).sort();
      assert.deepEqual(names.filter((name, at) => name === names[at + 1]), [], section);
    }
    assert.ok((sections['rules']?.length ?? 0) > 50 && (sections['within']?.length ?? 0) > 5);
  });
}); // prettier-ignore
