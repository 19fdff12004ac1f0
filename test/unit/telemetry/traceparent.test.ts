import { readTraceparent } from '../../../src/telemetry/traceparent';

const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

describe('readTraceparent', () => {
  it.each([`00-${traceId}-${spanId}-00`, `00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-ff`])(
    'returns %s unchanged',
    (header) => {
      expect(readTraceparent(header)).toBe(header);
    },
  );

  it.each([
    ['absent', undefined],
    ['sent twice', [`00-${traceId}-${spanId}-01`]],
    ['of another version', `01-${traceId}-${spanId}-01`],
    ['without a trace id', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['without a span id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['in capitals', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['too long', `00-${traceId}-${spanId}-01-more`],
    ['after a space', ` 00-${traceId}-${spanId}-01`],
    ['followed by a line', `00-${traceId}-${spanId}-01\n`],
  ])('returns null for a header that is %s', (_what, header) => {
    expect(readTraceparent(header)).toBeNull();
  });
});
