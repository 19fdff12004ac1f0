import { findOutdated } from '../../scripts/generated-files';

describe('docs/metrics.md', () => {
  it('lists every metric of ours, and none that is gone', () => {
    expect(findOutdated(['docs/metrics.md'])).toEqual([]);
  });
});
