/**
 * The server's time to a few milliseconds, for stamping when a recording began. A probe carries four times: sent and
 * received here (by the browser's monotonic counter), received and answered there. Of all probes the one with the
 * shortest round trip is believed, because it has the least room for error.
 */

/** The answer of `GET /recording/clock`: server times in UTC microseconds, as text. */
interface ClockAnswer {
  readonly received: string;
  readonly answered: string;
}

/** What is known about the server's clock. */
export interface Estimate {
  /** Add this to `performance.now()` to get server time, milliseconds since 1970. */
  readonly offset: number;
  /** Round trip of the probe without the server's own time, milliseconds: twice the possible error. */
  readonly roundTrip: number;
}

/** One probe's estimate from its four times, all in milliseconds. */
export function estimate(sent: number, received: number, answered: number, arrived: number): Estimate {
  const roundTrip = Math.max(0, arrived - sent - (answered - received));
  return { offset: (received - sent + (answered - arrived)) / 2, roundTrip };
}

/** The better of two estimates. */
export function better(a: Estimate | undefined, b: Estimate): Estimate {
  return a === undefined || b.roundTrip <= a.roundTrip ? b : a;
}

/** Keeps the best estimate of recent probes. */
export class ServerClock {
  #best: Estimate | undefined;

  constructor(private readonly url: string) {}

  /** Probes `times` times, one after the other; failures are simply left out. */
  async probe(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      try {
        const sent = performance.now();
        const answer = await fetch(this.url, { cache: "no-store" });
        const arrived = performance.now();
        if (!answer.ok) continue;
        const { received, answered } = (await answer.json()) as ClockAnswer;
        this.#best = better(this.#best, estimate(sent, Number(received) / 1000, Number(answered) / 1000, arrived));
      } catch {
        // offline: the best of the earlier probes stands
      }
    }
  }

  /** Server time at the reading `at` of `performance.now()`, UTC microseconds, or undefined before any probe succeeded. */
  at(at: number): bigint | undefined {
    return this.#best === undefined ? undefined : BigInt(Math.round((this.#best.offset + at) * 1000));
  }

  /** The possible error in milliseconds. */
  get error(): number | undefined {
    return this.#best === undefined ? undefined : this.#best.roundTrip / 2;
  }
}
