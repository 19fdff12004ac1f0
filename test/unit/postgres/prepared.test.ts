import { prepared, preparedIfFew, preparedNameOf } from '../../../src/postgres/prepared';

describe('prepared statements', () => {
  it('have a name for each text, and no other statement has one', () => {
    const one = preparedNameOf(prepared('SELECT 1'));
    const other = preparedNameOf(prepared('SELECT 2'));
    expect(one).toBeDefined();
    expect(other).not.toBe(one);
    expect(preparedNameOf(prepared('SELECT 1'))).toBe(one);
    expect(preparedNameOf('SELECT 3')).toBeUndefined();
  });

  it('are at most a hundred among those that depend on requests', () => {
    const texts = Array.from({ length: 101 }, (_, at) => preparedIfFew(`SELECT 'composed', ${at}`));
    expect(texts.filter((text) => preparedNameOf(text) !== undefined)).toEqual(texts.slice(0, 100));
    preparedIfFew(texts[0] as string);
    expect(preparedNameOf(texts[0])).toBeDefined();
  });
});
