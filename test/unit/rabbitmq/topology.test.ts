import { topologyOf } from '../../../src/rabbitmq/topology';

describe('topologyOf', () => {
  it('returns queues whose arguments are those of 1.0, which RabbitMQ cannot change', () => {
    const queues = topologyOf('p.').queues.map(({ name, arguments: declared }) => [name, declared]);
    expect(Object.fromEntries(queues)).toEqual({
      'p.user-service.history': {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 20,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'p.user-service.history.parked',
      },
      // This one may differ: its limits are newer.
      'p.user-service.history.parked': {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 1_000,
        'x-max-length': 100_000,
        'x-max-length-bytes': 1_073_741_824,
        'x-overflow': 'reject-publish',
      },
      'p.user-service.erasures': { 'x-queue-type': 'stream' },
    });
  });
});
