/** Events for tests: a plain exchange, with what the test cares about changed; the same that plug-in authors get. */
export { sampleTransaction as transaction } from "../../src/testing.ts";
