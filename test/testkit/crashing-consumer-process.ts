import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import { RabbitMqBroker } from '../../src/rabbitmq/rabbitmq-broker';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';

/**
 * A service reduced to its consumer. An order of 666, in any currency, kills the process with SIGKILL, as a bug in the
 * runtime would. Sends `consuming` to its parent when it is ready.
 */
async function consume(databaseUrl: string, amqpUrl: string, prefix: string): Promise<void> {
  const log = createLogger({ level: 'silent' });
  const database = openDatabase(databaseUrl, log, 3);
  await database.connect();
  const { consumer, fold } = createIntake({ database, metrics: createMetrics(), log, waitingDays: 30 });
  const foldAll = fold.fold.bind(fold);
  fold.fold = (events, alongside) => {
    for (const event of events) {
      if (event.type === 'OrderPlaced' && event.total.amount === '666') process.kill(process.pid, 'SIGKILL');
    }
    return foldAll(events, alongside);
  };
  consumer.start(new RabbitMqBroker({ url: amqpUrl, prefix, log }));
  process.send?.('consuming');
}

process.once('disconnect', () => process.exit(0));
const [databaseUrl = '', amqpUrl = '', prefix = ''] = process.argv.slice(2);
void consume(databaseUrl, amqpUrl, prefix);
