import type { PersonalTable } from './personal-data';
import { personalDataMap } from './personal-data-map';
import { personalDataOfEvents } from './personal-data-of-events';
import { shownFields } from './shown-fields';

type Named = readonly [name: string, dataClass: string];

/** Names by which log lines mean something technical: the method of an HTTP request, not of a sign-in. */
const technicalInLogs = new Set(['method']);

/** Matches names of ids and actors, by which logs refer to people. */
const idOrActor = /^id$|Id$|By$|^actor$/;

/**
 * Returns the names of values that logs leave out, in camelCase. These are columns, message fields and graph fields of
 * class contact, identity, behaviour or public, except ids and actors. A name of class behaviour or public is not
 * included if it is technical elsewhere, such as `type`, or in log lines.
 */
export function personalDataNames(map: Readonly<Record<string, PersonalTable>> = personalDataMap): string[] {
  return namesOf([
    ...Object.values(map).flatMap(({ columns }) =>
      Object.entries(columns).map(([name, { dataClass }]): Named => [name, dataClass]),
    ),
    ...Object.values(personalDataOfEvents).flatMap(({ fields }) =>
      Object.entries(fields).map(([name, { dataClass }]): Named => [name, dataClass]),
    ),
    ...Object.values(shownFields(map)).flatMap((fields) =>
      Object.entries(fields).flatMap(([name, { isPersonal }]): Named[] =>
        isPersonal ? [[name, 'behaviour']] : [],
      ),
    ),
  ]);
}

function namesOf(named: readonly Named[]): string[] {
  const ofClass = (...classes: string[]) =>
    new Set(named.filter(([, it]) => classes.includes(it)).map(([name]) => camelCase(name)));
  const technical = ofClass('technical');
  const names = [
    ...ofClass('contact', 'identity'),
    ...[...ofClass('behaviour', 'public')].filter((it) => !technical.has(it) && !technicalInLogs.has(it)),
  ];
  return [...new Set(names)].filter((name) => !idOrActor.test(name)).sort();
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
