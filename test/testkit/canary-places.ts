import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { send, type TestApp } from './app';
import {
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderPlaced,
  paymentFailed,
  pointsEarned,
} from './commerce-events';
import { createUser, mutate } from './users';

/** Leaves texts about one user in every place that takes any, a text of its own in each. */
export class CanaryPlaces {
  readonly userId = uuidv7();
  readonly orderId = uuidv7();
  /** Somebody else, who stays. */
  readonly otherUserId = uuidv7();
  /** The text of each place, by its name. */
  readonly texts = new Map<string, string>();

  constructor(
    private readonly app: TestApp,
    private readonly others: ForeignService,
    private readonly officer: string,
  ) {}

  /** A text for a place: the same one when it is asked for again. */
  private at(place: string): string {
    const text = this.texts.get(place) ?? `kanari${randomBytes(5).toString('hex')}`;
    this.texts.set(place, text);
    return text;
  }

  /** What calls that succeed take. */
  async leaveInCalls(): Promise<void> {
    const { app, userId, officer } = this;
    const address = Object.fromEntries(
      ['street', 'city', 'state', 'postalCode', 'country'].map((name) => [name, this.at(`address.${name}`)]),
    );
    const created = await mutate(app, 'createUser', {
      userId,
      email: `${this.at('email')}@example.com`,
      username: this.at('username'),
      firstName: this.at('firstName'),
      lastName: this.at('lastName'),
      displayName: this.at('displayName'),
      address,
      idempotencyKey: this.at('idempotency key'),
    });
    if (created.__typename !== 'CreateUserSuccess') throw new Error(JSON.stringify(created));
    await createUser(app, { userId: this.otherUserId });
    await mutate(app, 'updateUser', { userId, email: `${this.at('pending email')}@example.com` });
    await mutate(app, 'updateEmailPreferences', {
      userId,
      newsletter: true,
      source: this.at('consent source'),
      wordingVersion: this.at('consent wording version'),
    });
    await mutate(app, 'deactivateUser', { userId, notes: this.at('deactivation notes') });
    await mutate(app, 'reactivateUser', { userId, notes: this.at('reactivation notes') });
    await mutate(app, 'placeLegalHold', { userId, reason: this.at('hold reason') }, officer);
    await mutate(app, 'releaseLegalHold', { userId, reason: this.at('release reason') }, officer);
    await mutate(app, 'eraseUser', { userId, dryRun: true, reason: this.at('reason of a dry run') }, officer);
    await mutate(app, 'exportUserData', { userId }, officer);
  }

  /** What requests carry beside their call, and calls that are refused. */
  async leaveInRequests(): Promise<void> {
    const { app, userId } = this;
    const query = `{ user(id: "${userId}") { email history(first: 10) { nodes { summary } } } }`;
    const ask = (body: unknown, headers: Record<string, string> = {}, token = app.staff) =>
      send(app.url, body, { token, headers });
    const valueOf: Record<string, (text: string) => string> = {
      traceparent: (text) => `00-${text}-b7ad6b7169203331-01`,
      tracestate: (text) => `vendor=${text}`,
      baggage: (text) => `userName=${text}`,
      cookie: (text) => `name=${text}`,
      referer: (text) => `http://${text}/`,
    };
    const names = ['traceparent', 'tracestate', 'baggage', 'cookie', 'referer', 'user-agent', 'x-request-id'];
    const more = ['idempotency-key', 'x-forwarded-for', 'x-user-id', 'router-authorization', 'x-custom'];
    for (const name of [...names, ...more, 'apollographql-client-name']) {
      const text = this.at(`header ${name}`);
      await ask({ query }, { [name]: valueOf[name]?.(text) ?? text });
    }
    await ask({ query }, {}, this.at('bearer token'));
    for (const path of [`/graphql?q=${this.at('query string')}`, `/${this.at('path')}`])
      await fetch(app.url + path, { headers: { accept: 'application/json' } });
    await fetch(`${app.url}/unsubscribe/${this.at('unsubscribe token')}`, { method: 'POST' });
    await ask(`{"query": "${this.at('body that is no JSON')}`);
    await ask({ query: `{ user(id: "${userId}" ${this.at('malformed document')} "` });
    await ask({ query: `{ user(id: "${userId}") { ${this.at('unknown field in a document')} } }` });
    await ask({ query: `query ${this.at('operation name')} ${query}` });
    const operationName = this.at('unknown operation name');
    await ask({ query: `query A ${query} query B ${query}`, operationName });
    await ask({
      query: 'query ($id: ID!, $first: Int) { user(id: $id) { history(first: $first) { nodes { id } } } }',
      variables: { id: userId, first: this.at('variable of a wrong type') },
    });
    await ask({ query, extensions: { more: this.at('extensions') } });
    await ask({ query: `{ user(id: "${this.at('id that is none')}") { id } }` });
    await ask({ query: `{ userByEmail(email: "${this.at('address of nobody')}@example.com") { id } }` });
    await ask({ query: `{ users(first: 1, filter: { search: "${this.at('search')}" }) { nodes { id } } }` });
    await ask({ query: `{ users(first: 1, after: "${this.at('cursor')}") { nodes { id } } }` });
    const invalid = {
      firstName: this.at('invalid first name').repeat(20),
      phoneNumber: this.at('invalid phone number'),
      locale: this.at('invalid locale'),
      timeZone: this.at('invalid time zone'),
    };
    await mutate(app, 'updateUser', { userId, ...invalid });
    await mutate(app, 'updateEmailPreferences', { userId, wordingVersion: this.at('no wording').repeat(99) });
    await mutate(app, 'confirmEmail', { token: this.at('verification token') });
  }

  /** Messages that are folded; as many as it answers. */
  async leaveInMessages(): Promise<number> {
    const { userId, orderId } = this;
    const binary = pointsEarned(userId, { reason: this.at('reason of points') });
    const { id, source, type, data } = JSON.parse(binary.body.toString());
    const attributes = { 'ce-id': id, 'ce-source': source, 'ce-type': type, 'ce-specversion': '1.0' };
    const messages: ForeignMessage[] = [
      this.withProperties(orderPlaced(userId, { orderId, note: this.at('field nobody reads') }), 'folded'),
      paymentFailed(orderId, {
        errorMessage: this.at('error message of a payment'),
        errorCode: this.at('error code of a payment'),
      }),
      foreignEvent(
        'LoyaltyPointsEarned',
        { userId, points: 1, earnedAt: '2026-03-01T10:10:00Z' },
        { subject: this.at('subject of an event'), canary: this.at('extension of an event') },
      ),
      {
        ...binary,
        body: Buffer.from(JSON.stringify(data)),
        properties: {
          contentType: 'application/json',
          headers: { ...attributes, 'ce-canary': this.at('ce-* extension header of a folded message') },
        },
      },
    ];
    await this.others.publish(...messages);
    return messages.length;
  }

  /** Messages about the user that cannot be folded, in each way that leaves a trace of whose they are. */
  async leaveInRefusedMessages(when: string): Promise<number> {
    const { userId, orderId } = this;
    const place = (what: string) => this.at(`${what} ${when}`);
    const text = (body: string): ForeignMessage => ({ ...pointsEarned(userId), body: Buffer.from(body) });
    const wrongPoints = pointsEarned(userId, { points: -1, reason: place('refused message') });
    const truncated = JSON.stringify({ data: { userId, reason: place('body that is no JSON') } }).slice(
      0,
      -1,
    );
    const shouted = `{"by": "${this.otherUserId}", "userId": "${userId.toUpperCase()}", "reason": "${place('id in capitals')}"`;
    const encoded = Buffer.from(`{"userId": "${userId}", "reason": "${place('base64 that is no JSON')}"`);
    const event = JSON.parse(wrongPoints.body.toString());
    const base64 = { ...event, id: uuidv7(), data: undefined, data_base64: encoded.toString('base64') };
    const messages = [
      this.withProperties(wrongPoints, `refused ${when}`),
      text(truncated),
      text(shouted),
      text(JSON.stringify(base64)),
      this.withSubject(text(`no JSON ${place('body of a message with a subject')}`)),
      paymentFailed(orderId, { errorMessage: place('payment without a time'), timestamp: 'soon' }),
    ];
    await this.others.publish(...messages);
    return messages.length;
  }

  private withSubject(message: ForeignMessage): ForeignMessage {
    const headers = { 'ce-subject': this.userId, 'ce-type': 'Nothing' };
    return { ...message, properties: { ...message.properties, headers } };
  }

  private withProperties(message: ForeignMessage, which: string): ForeignMessage {
    return {
      ...message,
      properties: {
        ...message.properties,
        appId: this.at(`app_id of a ${which} message`),
        correlationId: this.at(`correlation_id of a ${which} message`),
        replyTo: this.at(`reply_to of a ${which} message`),
        headers: { 'x-custom': this.at(`custom header of a ${which} message`) },
      },
    };
  }
}
