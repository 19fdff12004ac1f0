import { storable } from '../postgres/storable-text';

/** Levels of nesting that are stored, and the limits of names, strings, members and characters. */
const deepest = 16;
const longestName = 256;
const longestString = 4_096;
const mostMembers = 1_000;
const mostCharacters = 64 * 1024;

/** Stands for what is left out. */
const omitted = '…';

/** What may still be stored of a value. */
interface Budget {
  members: number;
  characters: number;
}

/**
 * Returns a value as JSON that PostgreSQL can store: bounded in depth, size, and number and length of its members.
 * Of the rest it holds the beginning, with `…` in the place of what is left out.
 */
export function storableJson(value: unknown): string {
  const bounded = bound(value, 0, { members: mostMembers, characters: mostCharacters });
  return JSON.stringify(bounded ?? null);
}

function bound(value: unknown, depth: number, budget: Budget): unknown {
  if (typeof value === 'string') return boundText(value, longestString, budget);
  if (typeof value === 'bigint') return String(value);
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array)
    return boundText(Buffer.from(value.subarray(0, longestString)).toString('base64'), longestString, budget);
  if (depth === deepest) return omitted;
  return Array.isArray(value) ? boundArray(value, depth, budget) : boundObject(value, depth, budget);
}

function boundText(text: string, longest: number, budget: Budget): string {
  const length = Math.min(longest, budget.characters);
  budget.characters -= Math.min(text.length, length);
  return text.length <= length ? storable(text, length) : `${storable(text, length)}${omitted}`;
}

function boundArray(values: readonly unknown[], depth: number, budget: Budget): unknown[] {
  const bounded: unknown[] = [];
  for (const value of values) {
    if (!takesMember(budget)) return [...bounded, omitted];
    bounded.push(bound(value, depth + 1, budget) ?? null);
  }
  return bounded;
}

function boundObject(value: object, depth: number, budget: Budget): Record<string, unknown> {
  const bounded: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (!takesMember(budget)) {
      bounded.push([omitted, omitted]);
      break;
    }
    bounded.push([boundText(name, longestName, budget), bound(inner, depth + 1, budget)]);
  }
  return Object.fromEntries(bounded);
}

function takesMember(budget: Budget): boolean {
  budget.members -= 1;
  return budget.members >= 0 && budget.characters > 0;
}
