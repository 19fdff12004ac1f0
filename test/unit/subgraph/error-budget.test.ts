import { ErrorBudget, maxErrors } from '../../../src/subgraph/error-budget';

it('ErrorBudget permits the maximum of errors and counts those beyond it', () => {
  const budget = new ErrorBudget();
  const taken = Array.from({ length: maxErrors + 2 }, () => budget.take());
  expect(taken).toEqual([...Array(maxErrors).fill(true), false, false]);
  expect(budget.omitted).toBe(2);
});
