/** A bound on waiting: what is behind the promise goes on, and is no longer waited for. */

/** Waits for a promise, but not longer than `limit_ms`. */
export async function within(promise: Promise<unknown>, limit_ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limit_ms);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
