import { Concurrency } from '../../../src/http/concurrency';

describe('Concurrency', () => {
  it('enter permits as many operations of an actor as the limit, again after each end', () => {
    const concurrency = new Concurrency({ total: 10, perActor: 3 });
    const ends = [1, 2, 3].map(() => concurrency.enter('ada'));
    expect([...ends, concurrency.enter('bob')]).not.toContain(null);
    for (const end of ends) {
      expect(concurrency.enter('ada')).toBeNull();
      end?.();
      expect(concurrency.enter('ada')).not.toBeNull();
    }
    expect(concurrency.enter('ada')).toBeNull();
  });

  it('enter counts the operations of an actor that still run after others have ended', () => {
    const concurrency = new Concurrency({ total: 10, perActor: 3 });
    const [first, second] = [1, 2, 3].map(() => concurrency.enter('ada'));
    first?.();
    second?.();
    const entered = [1, 2, 3].map(() => concurrency.enter('ada') !== null);
    expect(entered).toEqual([true, true, false]);
  });

  it('enter permits as many operations as the total limit, with and without actors', () => {
    const concurrency = new Concurrency({ total: 3, perActor: 2 });
    const ends = ['ada', null, null].map((actor) => concurrency.enter(actor));
    for (const end of ends) {
      expect([null, 'ada', 'bob'].map((actor) => concurrency.enter(actor))).toEqual([null, null, null]);
      end?.();
      expect(concurrency.enter('bob') ?? concurrency.enter(null)).not.toBeNull();
    }
  });
});
