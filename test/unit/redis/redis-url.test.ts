import { parseRedisUrl } from '../../../src/redis/redis-url';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379, db: 0 }],
    ['redis://cache.example:7000/3', { host: 'cache.example', port: 7000, db: 3 }],
    ['redis://cache.example?db=4', { host: 'cache.example', port: 6379, db: 4 }],
    ['redis://:p%40ss%2Cword@[::1]:7000', { host: '::1', port: 7000, db: 0, password: 'p@ss,word' }],
    [
      'rediss://ada%20l:secret@cache.example',
      { host: 'cache.example', port: 6379, db: 0, username: 'ada l', password: 'secret', tls: {} },
    ],
  ])('returns the server of %s', (url, options) => {
    expect(parseRedisUrl(url)).toEqual({ kind: 'server', options });
  });

  it('returns the nodes of a cluster, with the credentials and the protocol of the first', () => {
    expect(parseRedisUrl('rediss://ada:p%40ss@a.example:7000,b.example,rediss://c.example:7002')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a.example', port: 7000 },
        { host: 'b.example', port: 6379 },
        { host: 'c.example', port: 7002 },
      ],
      options: { username: 'ada', password: 'p@ss', tls: {} },
    });
  });

  it('returns the Sentinels, at port 26379 by default, and the name of the primary', () => {
    expect(parseRedisUrl('redis+sentinel://:p%40ss@one.example,[::1]:26380/my%20primary/2')).toEqual({
      kind: 'server',
      options: {
        sentinels: [
          { host: 'one.example', port: 26_379 },
          { host: '::1', port: 26_380 },
        ],
        name: 'my primary',
        db: 2,
        password: 'p@ss',
      },
    });
    expect(parseRedisUrl('redis+sentinel://one.example/main').options).toMatchObject({ name: 'main', db: 0 });
  });
});
