import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { send, type TestApp } from './app';
import { canaryTable } from './canary-table';
import {
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderCancelled,
  orderPlaced,
  paymentFailed,
  pointsEarned,
} from './commerce-events';
import { inBase64, withBody, withProperties } from './message-variants';
import { freeTexts } from './user-fields';
import { createUser, mutate } from './users';

/** A header is sent as its canary, unless it needs a syntax of its own. */
const headerSyntax: Record<string, (text: string) => string> = {
  traceparent: (text) => `00-${text}-b7ad6b7169203331-01`,
  tracestate: (text) => `vendor=${text}`,
  baggage: (text) => `userName=${text}`,
  cookie: (text) => `name=${text}`,
  referer: (text) => `http://${text}/`,
};

/** Sends every value of the canary table about one user, each as a text of its own. */
export class CanarySender {
  readonly userId = uuidv7();
  readonly orderId = uuidv7();
  /** A user who is not erased. */
  readonly otherUserId = uuidv7();
  /** The text of each value that was sent. */
  readonly texts = new Map<string, string>();

  constructor(
    private readonly app: TestApp,
    private readonly others: ForeignService,
    private readonly officer: string,
  ) {}

  /** The text of a value of the table; a second one in another round. */
  private text(value: string, round = ''): string {
    if (!canaryTable.some((row) => row.value === value))
      throw new Error(`${value} is not in the canary table`);
    const key = `${value}${round}`;
    const text = this.texts.get(key) ?? `kanari${randomBytes(5).toString('hex')}`;
    this.texts.set(key, text);
    return text;
  }

  /** Calls mutations that succeed. */
  async callMutations(): Promise<void> {
    const { app, userId, officer } = this;
    const address = Object.fromEntries(
      ['street', 'city', 'state', 'postalCode', 'country'].map((name) => [
        name,
        this.text(`address.${name}`),
      ]),
    );
    const created = await mutate(app, 'createUser', {
      userId,
      email: `${this.text('email')}@example.com`,
      ...Object.fromEntries(freeTexts.map((name) => [name, this.text(name)])),
      address,
      externalIds: [{ system: this.text('external system'), id: this.text('external id') }],
      idempotencyKey: this.text('idempotencyKey'),
    });
    if (created.__typename !== 'CreateUserSuccess') throw new Error(JSON.stringify(created));
    await createUser(app, { userId: this.otherUserId });
    await mutate(app, 'updateUser', { userId, email: `${this.text('pending email')}@example.com` });
    await mutate(app, 'updateEmailPreferences', {
      userId,
      newsletter: true,
      source: this.text('source'),
      wordingVersion: this.text('wordingVersion'),
    });
    await mutate(app, 'deactivateUser', { userId, notes: this.text('deactivation notes') });
    await mutate(app, 'reactivateUser', { userId, notes: this.text('reactivation notes') });
    const hold = { userId, reason: this.text('reason of placing a hold') };
    await mutate(app, 'placeLegalHold', hold, officer);
    const release = { userId, reason: this.text('reason of releasing a hold') };
    await mutate(app, 'releaseLegalHold', release, officer);
    const dryRun = { userId, dryRun: true, reason: this.text('reason of a dry run') };
    await mutate(app, 'eraseUser', dryRun, officer);
    await mutate(app, 'exportUserData', { userId }, officer);
  }

  /** Sends headers and other parts of requests next to the operation, and requests that fail. */
  async sendRequests(): Promise<void> {
    const { app, userId } = this;
    const query = `{ user(id: "${userId}") { email history(first: 10) { nodes { summary } } } }`;
    const ask = (body: unknown, headers: Record<string, string> = {}, token = app.staff) =>
      send(app.url, body, { token, headers });
    for (const { value: name, entersBy } of canaryTable) {
      if (entersBy !== 'request header') continue;
      const text = this.text(name);
      await ask({ query }, { [name]: headerSyntax[name]?.(text) ?? text });
    }
    await ask({ query }, {}, this.text('bearer token'));
    for (const path of [`/graphql?q=${this.text('query string')}`, `/${this.text('path')}`])
      await fetch(app.url + path, { headers: { accept: 'application/json' } });
    await fetch(`${app.url}/unsubscribe/${this.text('unsubscribe token')}`, { method: 'POST' });
    await ask(`{"query": "${this.text('invalid JSON')}`);
    await ask({ query: `{ user(id: "${userId}" ${this.text('malformed document')} "` });
    await ask({ query: `{ user(id: "${userId}") { ${this.text('unknown field')} } }` });
    await ask({ query: `query ${this.text('operation name')} ${query}` });
    const operationName = this.text('unknown operation name');
    await ask({ query: `query A ${query} query B ${query}`, operationName });
    await ask({
      query: 'query ($id: ID!, $first: Int) { user(id: $id) { history(first: $first) { nodes { id } } } }',
      variables: { id: userId, first: this.text('variable of a wrong type') },
    });
    await ask({ query, extensions: { more: this.text('extensions') } });
    await ask({ query: `{ user(id: "${this.text('malformed id')}") { id } }` });
    await ask({ query: `{ userByEmail(email: "${this.text('unknown e-mail')}@example.com") { id } }` });
    await ask({
      query: `{ userByExternalId(system: "crm", id: "${this.text('unknown external id')}") { id } }`,
    });
    await ask({
      query: `{ users(first: 1, filter: { search: "${this.text('search')}" }) { nodes { id } } }`,
    });
    await ask({ query: `{ users(first: 1, after: "${this.text('after')}") { nodes { id } } }` });
    await ask({ query: `{ users(last: 1, before: "${this.text('before')}") { nodes { id } } }` });
    await ask({
      query: `{ users(filter: { spentMin: { amount: "1", currency: "${this.text('unknown currency')}" } }) { nodes { id } } }`,
    });
    await mutate(app, 'updateUser', {
      userId,
      firstName: this.text('invalid firstName').repeat(20),
      phoneNumber: this.text('invalid phoneNumber'),
      locale: this.text('invalid locale'),
      timeZone: this.text('invalid timeZone'),
    });
    const wordingVersion = this.text('invalid wordingVersion').repeat(99);
    await mutate(app, 'updateEmailPreferences', { userId, wordingVersion });
    await mutate(app, 'confirmEmail', { token: this.text('verification token') });
    await mutate(app, 'confirmPhone', { userId, code: this.text('code') });
  }

  /** Publishes messages that can be folded, and returns their number. */
  async publishValidMessages(): Promise<number> {
    const { userId, orderId } = this;
    const binary = pointsEarned(userId, { reason: this.text('reason of points') });
    const { id, source, type, data } = JSON.parse(binary.body.toString());
    const attributes = { 'ce-id': id, 'ce-source': source, 'ce-type': type, 'ce-specversion': '1.0' };
    const order = orderPlaced(userId, { orderId, note: this.text('ignored field') });
    const messages: ForeignMessage[] = [
      this.withCanaryProperties(order, ''),
      paymentFailed(orderId, {
        errorMessage: this.text('errorMessage'),
        errorCode: this.text('errorCode'),
      }),
      orderCancelled(orderId, { reason: this.text('reason of a cancellation') }),
      foreignEvent(
        'LoyaltyPointsEarned',
        { userId, points: 1, earnedAt: '2026-03-01T10:10:00Z' },
        { subject: this.text('subject'), canary: this.text('extension') },
      ),
      {
        ...withBody(binary, JSON.stringify(data)),
        properties: {
          contentType: 'application/json',
          headers: { ...attributes, 'ce-canary': this.text('ce-* header') },
        },
      },
    ];
    await this.others.publish(...messages);
    return messages.length;
  }

  /**
   * Publishes messages about the user that cannot be folded, one for each way to recognise the user, and returns their
   * number. Each round has texts of its own.
   */
  async publishInvalidMessages(round = ''): Promise<number> {
    const { userId, orderId } = this;
    const text = (value: string) => this.text(value, round);
    const points = () => pointsEarned(userId);
    const invalid = pointsEarned(userId, { points: -1, reason: text('data of an invalid message') });
    const truncated = JSON.stringify({ data: { userId, reason: text('truncated JSON of a message') } });
    const inCapitals = `{"by": "${this.otherUserId}", "userId": "${userId.toUpperCase()}", "reason": "${text('text next to an id in capitals')}"`;
    const encoded = `{"userId": "${userId}", "reason": "${text('base64 that is not JSON')}"`;
    const withSubject = withBody(points(), `no JSON ${text('body of a message with ce-subject')}`);
    const messages = [
      this.withCanaryProperties(invalid, ' of an invalid message', round),
      withBody(points(), truncated.slice(0, -1)),
      withBody(points(), inCapitals),
      inBase64(invalid, { id: uuidv7(), text: encoded }),
      withProperties(withSubject, { headers: { 'ce-subject': userId, 'ce-type': 'Nothing' } }),
      paymentFailed(orderId, {
        errorMessage: text('errorMessage of a payment without time'),
        timestamp: 'soon',
      }),
    ];
    await this.others.publish(...messages);
    return messages.length;
  }

  private withCanaryProperties(message: ForeignMessage, kind: string, round = ''): ForeignMessage {
    return withProperties(message, {
      appId: this.text(`app_id${kind}`, round),
      correlationId: this.text(`correlation_id${kind}`, round),
      replyTo: this.text(`reply_to${kind}`, round),
      headers: { 'x-custom': this.text(`custom header${kind}`, round) },
    });
  }
}
