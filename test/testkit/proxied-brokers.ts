import { historyQueue } from '../../src/rabbitmq/topology';
import { isReady, openTestBroker, rabbitMqUrl, record, type TestBroker, withRabbitMq } from './brokers';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { removeTopology } from './witness';

/** Brokers that connect to RabbitMQ through a proxy, which fails as a test needs. */
export interface ProxiedBrokers {
  readonly proxy: TcpProxy;
  readonly confirmTimeoutMs: number;
  /** Opens a broker through the proxy. */
  open(options?: { prefix?: string }): Promise<TestBroker>;
  /** Opens a broker whose history queue is declared, and waits until it is ready. */
  openReady(): Promise<TestBroker>;
}

/** Sets up a proxy for each test, and closes its brokers afterwards. */
export function useProxiedBrokers(): ProxiedBrokers {
  const brokers = { confirmTimeoutMs: 300 } as {
    -readonly [Name in keyof ProxiedBrokers]: ProxiedBrokers[Name];
  };
  const opened: TestBroker[] = [];
  beforeEach(async () => {
    brokers.proxy = await startTcpProxy(rabbitMqUrl());
  });
  afterEach(async () => {
    const closing = opened.splice(0);
    await Promise.all(closing.map(({ broker }) => broker.close()));
    await brokers.proxy.close();
    for (const { prefix } of closing) await removeTopology(prefix);
  });
  const open = async ({ prefix }: { prefix?: string } = {}): Promise<TestBroker> => {
    const { proxy, confirmTimeoutMs } = brokers;
    const opening = openTestBroker({ url: proxy.url, confirmTimeoutMs, ...(prefix && { prefix }) });
    opened.push(opening);
    return opening;
  };
  return Object.assign(brokers, {
    open,
    async openReady() {
      const opening = await open();
      await record(opening.broker).stop();
      await isReady(opening.broker);
      return opening;
    },
  });
}

/** Returns the number of messages in the history queue of this prefix that no consumer holds. */
export const messagesIn = (prefix: string): Promise<number> =>
  withRabbitMq(async (channel) => (await channel.checkQueue(`${prefix}${historyQueue}`)).messageCount);
