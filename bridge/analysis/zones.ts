/**
 * Parsl's monitoring writes local times without a zone, its logs write epochs. Where the run's zone was not told, the two lie
 * apart by whole quarters of an hour: that is seen here, so that a reader is told what to do.
 */
const QUARTER_US = 15 * 60e6;
/** What two clocks, and the way from one line to the other, may differ beside. */
const SLACK_US = 60e6;

/** By how much `told` lies after `logged` if that looks like a zone, microseconds; else undefined. */
export function zoneShift(told: number, logged: number): number | undefined {
  const shift = Math.round((told - logged) / QUARTER_US) * QUARTER_US;
  return shift !== 0 && Math.abs(told - logged - shift) <= SLACK_US ? shift : undefined;
}

/** What to say of it. */
export function zoneNote(shift: number): string {
  const hours = Math.abs(shift) / 3600e6;
  return (
    `What monitoring tells lies ${hours} h ${shift > 0 ? 'after' : 'before'} what the logs tell: monitoring writes local times without a zone, ` +
    'and this run’s was not told. Give it with --time-zone, such as Europe/Berlin.'
  );
}
