import assert from 'node:assert/strict';
import fc from 'fast-check';

import { canonicalValue, findKey, isDouble, keys, setCanonical } from '../../bridge/core/keys.ts';
import type { KeyType } from '../../bridge/core/keys.ts';
import type { Value, WideRecord } from '../../bridge/core/record.ts';

const types: readonly KeyType[] = [
  'text', 'identifier', 'integer', 'number', 'boolean', 'uuid', 'level', 'local_time', 'instant', 'nanos',
]; // prettier-ignore

function record(...pairs: readonly (readonly [string, Value])[]): WideRecord {
  const made: WideRecord = {};
  for (const [name, value] of pairs) setCanonical(made, name, value);
  return made;
}

describe('core/keys', () => {
  describe('the table', () => {
    it('has no spelling twice, canonical or not', () => {
      const names = keys.flatMap(({ key, aliases = [] }) => [key, ...aliases]);
      assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []); // prettier-ignore
    });

    it('says of every key what it is, in one sentence', () => {
      for (const { key, type, about } of keys) {
        assert.ok(types.includes(type), key);
        assert.match(about, /^[A-Z].*\.$/, key);
      }
    });

    it('finds a key by each of its spellings', () => {
      for (const key of keys) for (const name of [key.key, ...(key.aliases ?? [])]) assert.equal(findKey(name), key);
      assert.equal(findKey('never_heard_of'), undefined);
      assert.equal(findKey('constructor'), undefined);
    });
  });

  describe('values', () => {
    it('under another spelling that cannot be what it means stay under their own name', () => {
      const colmena = '78949e2b-7449-4e64-9110-c93ce47ce009';
      assert.deepEqual(record(['task_id', colmena]), { task_id: colmena });
      assert.deepEqual(record(['task_id', '03'], ['try_id', null]), { 'parsl.task': 3, 'parsl.try': null });
      assert.deepEqual(record(['parsl.task', 'x']), { 'parsl.task': 'x' });
    });

    it('of integers are numbers, whatever they were written as', () => {
      assert.deepEqual(['03', 3, '3.0'].map((value) => canonicalValue('integer', value)), [3, 3, 3]); // prettier-ignore
    });

    it('that are no integers stay what they were', () => {
      for (const value of ['', ' ', '3a', '1.5', 'NaN', 'Infinity', null, true, '99999999999999999999'])
        assert.equal(canonicalValue('integer', value), value);
    });

    it('of numbers may have a fraction', () => {
      assert.equal(canonicalValue('number', '1.5'), 1.5);
      assert.equal(canonicalValue('number', 'Infinity'), 'Infinity');
    });

    it('of booleans are Python’s and JSON’s', () => {
      const read = ['True', 'true', 'False', 'false', 'yes', 1].map((value) => canonicalValue('boolean', value));
      assert.deepEqual(read, [true, true, false, false, 'yes', 1]);
    });

    it('of UUIDs are in lower case', () => {
      assert.equal(canonicalValue('uuid', '60AF0E2A-4E9C'), '60af0e2a-4e9c');
    });

    it('of identifiers are text, without the b of Python’s bytes', () => {
      const read = ["b'8f8ba7000809'", '8f8ba7000809', 7].map((value) => canonicalValue('identifier', value));
      assert.deepEqual(read, ['8f8ba7000809', '8f8ba7000809', '7']);
    });

    it('of levels are one of four words, and unknown ones stay', () => {
      const read = ['debug', 'NOTSET', 'Warning', 'WARN', 'CRITICAL', 'emerg', 'LOUD'].map((value) =>
        canonicalValue('level', value),
      );
      assert.deepEqual(read, ['DEBUG', 'DEBUG', 'WARN', 'WARN', 'ERROR', 'ERROR', 'LOUD']);
    });

    it('of local times and instants are microseconds', () => {
      assert.equal(canonicalValue('local_time', '1970-01-01T00:00:01.000002'), 1_000_002);
      assert.equal(canonicalValue('instant', '1970-01-01T01:00:01.000002+01:00'), 1_000_002);
      assert.equal(canonicalValue('local_time', 'yesterday'), 'yesterday');
      assert.equal(canonicalValue('local_time', 1_000_002), 1_000_002);
    });

    it('of nanoseconds are bigints, from integer text, ISO text, seconds and nanoseconds', () => {
      const time = 1_795_261_680_316_588_401n;
      assert.equal(canonicalValue('nanos', '1795261680316588401'), time);
      assert.equal(canonicalValue('nanos', '2026-11-21T11:48:00.316588Z'), 1_795_261_680_316_588_000n);
      assert.equal(canonicalValue('nanos', 1_795_261_680.316588), 1_795_261_680_316_588_000n);
      assert.equal(canonicalValue('nanos', 1_795_261_680_000_000_000), 1_795_261_680_000_000_000n);
      assert.equal(canonicalValue('nanos', '2026-11-21T11:48:00'), '2026-11-21T11:48:00');
    });

    it('of nanoseconds that no 64 bits hold, or from before 1970, stay what they were', () => {
      for (const value of ['9999999999999999999', 1e300, -1, '1969-12-31T23:59:59Z', -1e18])
        assert.equal(canonicalValue('nanos', value), value);
    });

    it('in canonical form stay as they are', () => {
      const values = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null),
        fc.constantFrom('03', "b'b'x''", '2026-01-01 00:00:00', 'True', 'CRITICAL', '12')); // prettier-ignore
      fc.assert(
        fc.property(fc.constantFrom(...types), values, (type, value) => {
          const once = canonicalValue(type, value);
          // An identifier may be wrapped twice; then each reading unwraps one.
          if (type !== 'identifier') assert.deepEqual(canonicalValue(type, once), once);
        }),
        { seed: 1, numRuns: 2_000 },
      );
    });
  });

  describe('setting a key', () => {
    it('maps every spelling to the canonical key and its type', () => {
      assert.deepEqual(record(['run_id', 'ABC'], ['task_id', '03'], ['uid', "b'8f'"], ['hostname', 'n1']), {
        'parsl.dfk': 'abc',
        'parsl.task': 3,
        'parsl.manager': '8f',
        'host.name': 'n1',
      });
    });

    it('keeps unknown keys and their values untouched', () => {
      assert.deepEqual(record(['my key', '03'], ['parsl.unheard', 'True']), {
        'my key': '03',
        'parsl.unheard': 'True',
      });
    });

    it('makes numbers that are not finite null, and notes each', () => {
      assert.deepEqual(record(['drain', Infinity], ['try_id', NaN]), {
        drain: null,
        'parsl.try': null,
        'source.note': 'drain was Infinity; parsl.try was NaN',
      });
    });

    it('never touches a prototype', () => {
      assert.deepEqual(Object.keys(record(['__proto__', 'x'], ['a', 1])), ['a']);
      assert.equal(({} as Record<string, unknown>)['x'], undefined);
    });
  });

  describe('the wire type of a number', () => {
    it('is a double for keys of type number and for psutil’s floats, whatever the value', () => {
      for (const key of ['parsl.usage.cpu_time', 'psutil_process_time_user', 'resource_monitoring_interval'])
        assert.ok(isDouble(key), key);
    });

    it('is an integer for integer keys and for keys nobody knows', () => {
      for (const key of ['parsl.task', 'parsl.usage.memory_peak', 'my_key', 'psutil_process_memory_resident'])
        assert.ok(!isDouble(key), key);
    });
  });
});
