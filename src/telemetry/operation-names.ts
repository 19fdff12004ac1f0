const looksLikeAnId = /[0-9]{4,}|[0-9a-f]{12,}|(?=[0-9a-f]*[0-9])[0-9a-f]{8,}/i;
const harmlessName = /^[_A-Za-z][_0-9A-Za-z]{0,79}$/;

/**
 * Turns operation names, which callers choose, into a bounded set of metric labels.
 *
 * The first `maximum` names of operations that ran get a label of their own; later ones, long ones and ones that
 * look like they carry an id are `other`; an operation without a name is `anonymous`.
 */
export class OperationNames {
  private readonly known = new Set<string>();

  constructor(private readonly maximum = 100) {}

  /** The label for this name. `ran` says whether the operation was valid: only those claim a place. */
  label(name: string | null | undefined, ran: boolean): string {
    if (!name) return 'anonymous';
    if (this.known.has(name)) return name;
    if (!ran || this.known.size >= this.maximum) return 'other';
    if (!harmlessName.test(name) || looksLikeAnId.test(name)) return 'other';
    this.known.add(name);
    return name;
  }
}
