/** How long to wait before the next try. */
export interface Backoff {
  /** Pause before the second try, doubled before each further one. Default 500 ms. */
  firstMs?: number;
  /** Default 30 s. */
  mostMs?: number;
  /** 0 to below 1. Default Math.random. */
  random?: () => number;
}

/**
 * Milliseconds before try `attempt + 1`, from 1: doubling, with the upper half of it drawn at random, so that callers
 * who were refused together do not come back together.
 */
export function backoffMs(attempt: number, { firstMs = 500, mostMs = 30_000, random }: Backoff = {}): number {
  const full = Math.min(mostMs, firstMs * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * (random ?? Math.random)();
}

/**
 * What a Retry-After header asks for in milliseconds; null for none, or one that is neither seconds nor a date.
 * RFC 9110, section 10.2.3.
 */
export function retryAfterMs(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  // A date has its month in letters; Date.parse would take "-5" for a year.
  const date = /[a-z]{3}/i.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
