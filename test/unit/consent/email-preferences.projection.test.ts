import { evolve, initial } from '../../../src/consent/email-preferences.projection';

const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 12, minute));
const fold = (...steps: object[]) =>
  steps.reduce(
    (before: typeof initial, choices, minute) => evolve(before, { at: at(minute), choices }),
    initial,
  );

describe('evolve', () => {
  it('starts with only orderUpdates on', () => {
    expect(fold()).toEqual({
      marketing: false,
      newsletter: false,
      recommendations: false,
      loyalty: false,
      orderUpdates: true,
      unsubscribedAt: null,
      updatedAt: null,
    });
  });

  it('sets updatedAt on the first decision, then on decisions that change a topic', () => {
    expect(fold({ orderUpdates: true })).toEqual({ ...initial, updatedAt: at(0) });
    const once = fold({ loyalty: true });
    expect(evolve(once, { at: at(5), choices: { loyalty: true, marketing: false } })).toBe(once);
    expect(evolve(once, { at: at(5), choices: { marketing: true } }).updatedAt).toEqual(at(5));
  });

  it('sets unsubscribedAt when the last topic other than orderUpdates is turned off', () => {
    expect(fold({ loyalty: true, newsletter: true }, { loyalty: false }).unsubscribedAt).toBeNull();
    const off = fold({ loyalty: true }, { loyalty: false });
    expect(off.unsubscribedAt).toEqual(at(1));
    expect(evolve(off, { at: at(5), choices: { orderUpdates: false } }).unsubscribedAt).toEqual(at(1));
    expect(evolve(off, { at: at(5), choices: { marketing: true } }).unsubscribedAt).toBeNull();
  });

  it('sets unsubscribedAt when a first decision turns off a topic that was off', () => {
    expect(fold({ marketing: false }).unsubscribedAt).toEqual(at(0));
    expect(fold({ orderUpdates: false }).unsubscribedAt).toBeNull();
    expect(fold({ marketing: false }, { newsletter: false, orderUpdates: false }).unsubscribedAt).toEqual(
      at(0),
    );
  });

  it('sets unsubscribedAt again when topics are turned on and off again', () => {
    const steps = [{ loyalty: true }, { loyalty: false }, { marketing: true }, { marketing: false }];
    expect(fold(...steps).unsubscribedAt).toEqual(at(3));
  });
});
