import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';

let ofProcess: Registry | undefined;

/**
 * Adds the metrics of Node.js (event loop lag, memory, GC). All registries of the process share them, because
 * collecting them starts timers that nothing stops.
 */
export function addProcessMetrics(registry: Registry): void {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  for (const metric of ofProcess.getMetricsAsArray()) registry.registerMetric(metric as unknown as Metric);
}
