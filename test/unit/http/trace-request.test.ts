import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { traceRequest } from '../../../src/http/trace-request';
import type { Tracing } from '../../../src/telemetry/tracing';

const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const request = { id: '1', method: 'POST', route: '/graphql', headers: { traceparent: given } };

describe('traceRequest', () => {
  it.each([
    [200, true, { failed: false, attributes: { 'http.response.status_code': 200 } }],
    [499, true, { failed: false, attributes: { 'http.response.status_code': 499 } }],
    [500, true, { failed: true, attributes: { 'http.response.status_code': 500 } }],
    [200, false, { failed: true, attributes: { 'error.type': 'aborted' } }],
  ])('ends its span with the status %i, finished: %s', (statusCode, writableFinished, expected) => {
    const ended: unknown[] = [];
    const started: unknown[] = [];
    const tracing = {
      startSpan(span: unknown) {
        started.push(span);
        return { traceparent: 'that of the span', end: (end: unknown) => void ended.push(end) };
      },
    } as unknown as Tracing;
    const response = Object.assign(new EventEmitter(), { statusCode, writableFinished });
    const sent = response as unknown as ServerResponse;
    expect(traceRequest(request, sent, tracing)).toBe('that of the span');
    expect(ended).toEqual([]);
    response.emit('close');
    expect(ended).toEqual([expected]);
    expect(started).toMatchObject([{ name: 'POST /graphql', parent: given }]);
  });

  it('returns the context of the caller without tracing', () => {
    const response = new EventEmitter() as ServerResponse;
    expect(traceRequest(request, response, null)).toBe(given);
    expect(traceRequest({ ...request, headers: {} }, response, null)).toBeNull();
  });
});
