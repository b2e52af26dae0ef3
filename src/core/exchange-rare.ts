/** What few exchanges have, beside the rest so that the others stay small. */
import { type Micros, NEVER } from "./units.ts";

/** First octets of a body, kept only when asked for (`--max-body-size`). */
export interface BodySample {
  readonly bytes: Uint8Array;
  length: number;
  /** More came than was kept. */
  cut: boolean;
  /** Content-Encoding and Content-Type as sent, lower case; empty for none. */
  readonly contentEncoding: string;
  readonly contentType: string;
}

/** What few exchanges have. */
export class Rare {
  retransmittedIn = 0;
  retransmittedOut = 0;
  gapBytes = 0;
  upgrade = "";
  anomalies: string[] | null = null;
  requestBody: BodySample | null = null;
  responseBody: BodySample | null = null;
  requestTrailers: string | null = null;
  responseTrailers: string | null = null;
  kernelRequestWait: Micros = NEVER;
  kernelProcess: Micros = NEVER;
  kernelResponseWait: Micros = NEVER;
}
