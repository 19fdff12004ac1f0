import { median } from './stage';

/** What one candidate did in one round. */
export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the candidate's process. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Of PostgreSQL, for audited reads with everything that follows from them; NaN where it runs elsewhere. */
  readonly postgresMicrosecondsPerRequest: number;
  /** Of Redis, RabbitMQ and the load, which share the cores with the candidate; for audited reads until all has followed. */
  readonly redisMicrosecondsPerRequest: number;
  readonly rabbitmqMicrosecondsPerRequest: number;
  readonly loadMicrosecondsPerRequest: number;
}

/** Returns the median of each figure. */
export function mediansOf(measurements: readonly Measurement[]): Measurement {
  const of = (pick: (it: Measurement) => number) => round(median(measurements.map(pick)));
  return {
    requestsPerSecond: of((it) => it.requestsPerSecond),
    p50Ms: of((it) => it.p50Ms),
    p99Ms: of((it) => it.p99Ms),
    cpuMicrosecondsPerRequest: of((it) => it.cpuMicrosecondsPerRequest),
    postgresMicrosecondsPerRequest: of((it) => it.postgresMicrosecondsPerRequest),
    redisMicrosecondsPerRequest: of((it) => it.redisMicrosecondsPerRequest),
    rabbitmqMicrosecondsPerRequest: of((it) => it.rabbitmqMicrosecondsPerRequest),
    loadMicrosecondsPerRequest: of((it) => it.loadMicrosecondsPerRequest),
  };
}

/** Requests a second of each of ours to each peer: the median of the ratios of the rounds. */
export function ratiosOf(
  summaries: readonly { name: string }[],
  measured: ReadonlyMap<string, readonly Measurement[]>,
): Record<string, number> {
  const ours = summaries.filter(({ name }) => name.startsWith('ours'));
  const ratios: Record<string, number> = {};
  for (const { name } of ours) {
    for (const { name: other } of summaries) {
      if (other === name) continue;
      const rounds = (measured.get(name) ?? []).map(
        ({ requestsPerSecond }, at) =>
          requestsPerSecond / (measured.get(other)?.[at]?.requestsPerSecond ?? Number.NaN),
      );
      ratios[`${name} / ${other}`] = round(median(rounds));
    }
  }
  return ratios;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
