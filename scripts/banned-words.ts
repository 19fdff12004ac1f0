/**
 * The words and phrases that the project does not use: the word, the pattern of its forms in lower-case text, and
 * what to write instead. They name people where a mechanism acts, or are not the field's term.
 */
const bannedWords: readonly (readonly [word: string, pattern: string, instead: string])[] = [
  // People in place of the function, row or process that acts.
  ['somebody', 'somebody', 'name the actor: a caller, another process, another user'],
  ['nobody', 'nobody', 'name the actor: no caller, no process, no user'],
  ['everybody', 'everybody', 'name the actors: all callers, every replica'],
  ['everyone', 'everyone', 'name the actors: all callers, every replica'],
  ['whoever', 'whoever', 'name the actor: the caller that, the process that'],
  ['those who', 'those who', 'name the actors: callers that, users who'],
  ['whom', 'whom', 'name the actor or the user'],

  // Fates in place of mechanisms.
  ['told', '(unless )?told', 'published, notified, called with; unless told: defaults to'],
  ['tells of', 'tell(s|ing)? of', 'names, reports, publishes'],
  ['had its time', '(has|have|had|having) (had )?(its|their|the) time', 'expired'],
  ['mend', 'mend(s|ed|ing)?', 'fix, repair, correct'],
  ['rests', '(rests|rest(ed|ing) (in|on)|(?<!(the|fragment) )rest (in|on))', 'is stored, depends on'],
  ['known of', 'known of', 'known, stored'],
  ['comes to be', '(come|comes|came|coming) to be', 'becomes, is created'],
  ['goes on', '(go|goes|going|went|gone) on', 'continues, resumes'],
  ['is at it', '(is|are|was|were|be|been) at it', 'is running, processes it'],
  ['finds its way', '(find|finds|found|finding) (its|their) way', 'reaches, is written to'],
  ['leaves no trace', '(leave|leaves|left|leaving) no trace', 'changes nothing, is rolled back'],
  ['keeps company', '(keep|keeps|kept|keeping) company', 'runs in parallel with'],
  ['forerunner', 'forerunners?', 'the previous attempt, the predecessor'],
  ['hears of', '(hear|hears|heard|hearing) of', 'receives, is notified'],
  ['looks for', 'look(s|ed|ing)? (for|at|whether|after|through)', 'checks, reads, searches, maintains'],
  ['holds up', '(hold|holds|held|holding) up', 'delays, blocks'],
  ['answer', 'answer(s|ed|ing)?', 'returns (a function), responds (HTTP), response or result'],
  ['gives away', '(give|gives|gave|given|giving) away', 'leaks, exposes'],
  ['suffices', 'suffic(e|es|ed|ing)', 'is enough, covers'],

  // Words of another century, or with two meanings.
  ['anew', 'anew', 'again'],
  ['in vain', 'in vain', 'without a result, without success'],
  ['for ever', 'for ever', 'permanently, without limit'],
  ['at once', 'at once', 'immediately, in one transaction, or concurrently'],
  ['meanwhile', 'meanwhile', 'until then, during'],
  ['the same goes for', 'the same goes for', 'name both in one sentence'],
  ['of which', 'of which(?![.)])', 'start a new sentence'],
  ['beside', 'beside', 'next to, in parallel with'],
  ['side by side', 'side by side', 'in parallel, concurrently'],
];

const forms = bannedWords.map(([word, pattern, instead]) => ({
  word,
  instead,
  pattern: new RegExp(`\\b${pattern.replaceAll(' ', String.raw`\s+`)}\\b`, 'g'),
}));

/** The system account "nobody" is a fixed name. */
const accountName = /(['"`])nobody\1/g;
/** The margin of a comment or quotation, so that a phrase wrapped over two lines is found. */
const margin = /^\s*(?:\/\*\*?|\*(?!\/)|\/\/|#+|--|>)?\s*/;

/** Splits identifiers into words, in lower case: `toldOfNew`, `told-of-new` and `TOLD_OF_NEW` become "told of new". */
function wordsOf(line: string): string {
  return line
    .replace(accountName, '')
    .replace(margin, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/(?<=[A-Za-z0-9])[-_](?=[A-Za-z0-9])/g, ' ')
    .toLowerCase();
}

/** A use of a banned word. */
export interface BannedUse {
  /** The line where it begins, from 1. */
  line: number;
  /** The row of the table, such as `mend`. */
  word: string;
  /** The form in the text, such as `mended`. */
  found: string;
  instead: string;
}

/** Every banned word in a text, from top to bottom. Finds phrases that are wrapped over two lines as well. */
export function bannedWordsIn(text: string): BannedUse[] {
  const starts: number[] = [];
  let words = '';
  for (const line of text.split('\n')) {
    starts.push(words.length);
    words += `${wordsOf(line)} `;
  }
  const lineAt = (index: number) => starts.findLastIndex((start) => start <= index) + 1;
  return forms
    .flatMap(({ word, pattern, instead }) =>
      [...words.matchAll(pattern)].map(({ 0: found, index }) => ({
        line: lineAt(index),
        word,
        found: found.replace(/\s+/g, ' '),
        instead,
      })),
    )
    .toSorted((one, other) => one.line - other.line);
}
