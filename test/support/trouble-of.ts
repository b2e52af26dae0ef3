/** The Trouble that an act throws; anything else, or nothing, fails the test. */
import { Trouble } from "../../src/core/trouble.ts";

export function troubleOf(act: () => unknown): Trouble {
  try {
    act();
  } catch (error) {
    if (error instanceof Trouble) return error;
    throw error;
  }
  throw new Error("no trouble");
}
