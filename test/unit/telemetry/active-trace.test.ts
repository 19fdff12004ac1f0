import { runInTrace, setActiveParent, traceCall } from '../../../src/telemetry/active-trace';
import type { Tracing } from '../../../src/telemetry/tracing';

describe('traceCall', () => {
  it('records whether the call failed, under the parent that is active when it starts', async () => {
    const spans: unknown[] = [];
    const tracing = {
      startSpan: ({ name, parent }: { name: string; parent: string | null }) => ({
        end: ({ failed }: { failed: boolean }) => void spans.push({ name, parent, failed }),
      }),
    } as unknown as Tracing;
    const describeAs = (name: string) => () => ({ name, attributes: {} });
    await runInTrace(tracing, 'request', async () => {
      expect(traceCall(describeAs('value'), () => 1)).toBe(1);
      setActiveParent('operation');
      expect(await traceCall(describeAs('promise'), async () => 2)).toBe(2);
      const rejected = traceCall(describeAs('rejection'), () => Promise.reject(new Error('broken')));
      await expect(rejected).rejects.toThrow('broken');
    });
    expect(spans).toEqual([
      { name: 'value', parent: 'request', failed: false },
      { name: 'promise', parent: 'operation', failed: false },
      { name: 'rejection', parent: 'operation', failed: true },
    ]);
  });
});
