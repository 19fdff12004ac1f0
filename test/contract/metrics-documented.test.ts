import { findOutdated } from '../../scripts/generated-files';

describe('docs/metrics.md', () => {
  it('lists exactly the metrics of the service', () => {
    expect(findOutdated(['docs/metrics.md'])).toEqual([]);
  });
});
