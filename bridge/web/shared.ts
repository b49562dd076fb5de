/**
 * Answers that cost much are worked out once for all who ask for the same thing at the same time: when a run changes,
 * every open page asks at once. Keys carry the revision of the run, so that an answer is never older than its ETag.
 */
const ANSWERS_MAX = 16;

export type Shared = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function createShared(): Shared {
  const answers = new Map<string, Promise<unknown>>();
  return <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const known = answers.get(key) as Promise<T> | undefined; // A key belongs to one kind of work.
    if (known !== undefined) return known;
    const answer = work();
    answers.set(key, answer);
    answer.catch(() => answers.delete(key));
    for (const oldest of answers.keys()) {
      if (answers.size <= ANSWERS_MAX) break;
      answers.delete(oldest);
    }
    return answer;
  };
}
