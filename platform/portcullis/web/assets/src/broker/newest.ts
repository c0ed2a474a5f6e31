/** Asks as somebody types: after a short rest, and of several answers only the newest counts. */
export class Newest<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;

  /**
   * @param ask what to ask; it should end when the signal says so
   * @param show what to do with the newest answer
   * @param fail what to do with an error of the newest question
   * @param rest milliseconds without another key before it is asked
   */
  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<T>,
    private readonly show: (answer: T) => void,
    private readonly fail: (error: unknown) => void,
    private readonly rest = 120,
  ) {}

  /** Something changed: ask soon, and forget what is being asked. */
  changed(): void {
    this.asking?.abort();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.now(), this.rest);
  }

  /** Ask at once. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.asking?.abort();
    const mine = new AbortController();
    this.asking = mine;
    try {
      const answer = await this.ask(mine.signal);
      if (this.asking === mine) this.show(answer);
    } catch (error) {
      if (this.asking === mine && !mine.signal.aborted) this.fail(error);
    }
  }
}
