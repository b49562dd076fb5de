import assert from 'node:assert/strict';

import { nearest } from '../../bridge/core/nearest.ts';

describe('core/nearest', () => {
  const known = ['poll_interval_ms', 'batch_files_max', 'run_dirs', 'udp'];

  it('finds the word that was misspelt', () => {
    assert.equal(nearest('batch_file_max', known), 'batch_files_max');
    assert.equal(nearest('upd', known), 'udp');
  });

  it('takes pollIntervalMs and poll-interval-ms for poll_interval_ms', () => {
    assert.equal(nearest('pollIntervalMs', known), 'poll_interval_ms');
    assert.equal(nearest('POLL-INTERVAL-MS', known), 'poll_interval_ms');
  });

  it('guesses nothing for a word that is far from all', () => {
    assert.equal(nearest('kafka', known), undefined);
    assert.equal(nearest('authentication', known), undefined);
  });

  it('takes the first of two that are as near', () => {
    assert.equal(nearest('test', ['tent', 'text']), 'tent');
  });

  it('knows nothing where nothing is known', () => {
    assert.equal(nearest('udp', []), undefined);
  });
});
