const idPattern = /[0-9]{4,}|[0-9a-f]{12,}|(?=[0-9a-f]*[0-9])[0-9a-f]{8,}/i;
const namePattern = /^[_A-Za-z][_0-9A-Za-z]{0,79}$/;

/**
 * Turns operation names, which callers choose, into a bounded set of metric labels.
 *
 * The first `maximum` names of valid operations are labels. Later names, names longer than 80 characters and names
 * that seem to contain an id become `other`; an operation without a name is `anonymous`.
 */
export class OperationNames {
  private readonly labels = new Set<string>();

  constructor(private readonly maximum = 100) {}

  /** Returns the label for a name. Only valid operations add their names to the labels. */
  label(name: string | null | undefined, isValid: boolean): string {
    if (!name) return 'anonymous';
    if (this.labels.has(name)) return name;
    if (!isValid || this.labels.size >= this.maximum) return 'other';
    if (!namePattern.test(name) || idPattern.test(name)) return 'other';
    this.labels.add(name);
    return name;
  }
}
