import { type Metric, type OpenMetricsContentType, type PrometheusContentType, Registry } from 'prom-client';

/**
 * Returns the metrics of a registry in the format OpenMetrics, which has exemplars.
 * Metrics that are added to the registry later are not included.
 */
export function openMetricsOf(registry: Registry<PrometheusContentType>): Registry<OpenMetricsContentType> {
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const metrics = registry.getMetricsAsArray() as unknown as (Metric & { type: string })[];
  // prom-client removes `_total` from the name of a counter in this format, and would in the other registry, too.
  for (const metric of metrics)
    openMetrics.registerMetric(metric.type === 'counter' ? Object.create(metric) : metric);
  return openMetrics;
}
