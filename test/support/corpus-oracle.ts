/**
 * The capture corpus beside the repository (`../shared/corpus`): what its oracles expect of a capture, and how far a
 * list of events agrees. Requests, final responses and pairs are compared as multisets.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EarshotEvent } from "../../src/core/event.ts";

export const CORPUS = join(dirname(fileURLToPath(import.meta.url)), "../../../shared/corpus");
export const noCorpus = !existsSync(join(CORPUS, "oracle"));

interface OraclePair {
  readonly method: string | null;
  readonly uri: string | null;
  readonly status: number | null;
}

interface OracleStream {
  readonly method: string | null;
  readonly path: string | null;
  readonly authority: string | null;
  readonly statuses?: readonly (string | number)[];
}

/** The part of `oracle/NAME.json` that is compared. */
export interface Oracle {
  readonly name: string;
  readonly file: string;
  readonly keylog: string | null;
  readonly trust: "high" | "decode-as" | "doubtful";
  readonly doubts: readonly string[];
  readonly external?: unknown;
  readonly http1?: {
    readonly requests?: readonly { readonly method: string | null; readonly uri: string | null }[];
    readonly responses?: readonly { readonly status: number | null }[];
    readonly pairs?: readonly OraclePair[];
  };
  readonly http2?: { readonly streams?: readonly OracleStream[] };
}

export const oracles: readonly Oracle[] = noCorpus
  ? []
  : readdirSync(join(CORPUS, "oracle"))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => JSON.parse(readFileSync(join(CORPUS, "oracle", name), "utf8")) as Oracle)
      .filter((oracle) => existsSync(join(CORPUS, oracle.file)));

/** Multisets of text keys. */
export interface Answers {
  readonly requests: Map<string, number>;
  readonly responses: Map<string, number>;
  readonly pairs: Map<string, number>;
}

function noAnswers(): Answers {
  return { requests: new Map(), responses: new Map(), pairs: new Map() };
}

function add(to: Map<string, number>, key: string): void {
  to.set(key, (to.get(key) ?? 0) + 1);
}

/** tshark writes a backslash twice. */
function target(uri: string | null): string {
  return (uri ?? "").replaceAll("\\\\", "\\");
}

/** What the oracle expects: HTTP/1, and with `http2` the streams of HTTP/2. */
export function expectedOf(oracle: Oracle, http2: boolean): Answers {
  const answers = noAnswers();
  for (const request of oracle.http1?.requests ?? []) add(answers.requests, `${request.method} ${target(request.uri)}`);
  for (const { status } of oracle.http1?.responses ?? [])
    if (status !== null && (status >= 200 || status === 101)) add(answers.responses, String(status));
  for (const pair of oracle.http1?.pairs ?? []) add(answers.pairs, `${pair.method} ${target(pair.uri)} ${pair.status}`);
  if (http2) for (const stream of oracle.http2?.streams ?? []) addStream(answers, stream);
  return answers;
}

function addStream(answers: Answers, stream: OracleStream): void {
  const request = `${stream.method} ${target(stream.path || stream.authority)}`;
  const status = (stream.statuses ?? []).map(Number).findLast((code) => code >= 200);
  if (stream.method) add(answers.requests, request);
  if (status !== undefined) add(answers.responses, String(status));
  if (stream.method && status !== undefined) add(answers.pairs, `${request} ${status}`);
}

export function answersOf(events: readonly EarshotEvent[]): Answers {
  const answers = noAnswers();
  for (const event of events) {
    if (event.type !== "transaction") continue;
    const request = event.request === null ? null : `${event.request.method} ${event.request.target}`;
    if (request !== null) add(answers.requests, request);
    if (!event.response?.status) continue;
    add(answers.responses, String(event.response.status));
    if (request !== null) add(answers.pairs, `${request} ${event.response.status}`);
  }
  return answers;
}

/** Has the capture HTTP that these oracles know of? Without, it must give no transaction. */
export function expectsHttp(answers: Answers): boolean {
  return answers.requests.size > 0 || answers.responses.size > 0;
}

/** Lines like `requests: missing 1 GET /x`; none when both agree. */
export function disagreements(expected: Answers, found: Answers): string[] {
  const lines: string[] = [];
  for (const kind of ["requests", "responses", "pairs"] as const) {
    lines.push(...surplus(expected[kind], found[kind]).map((line) => `${kind}: missing ${line}`));
    lines.push(...surplus(found[kind], expected[kind]).map((line) => `${kind}: extra ${line}`));
  }
  return lines;
}

function surplus(of: Map<string, number>, over: Map<string, number>): string[] {
  const lines: string[] = [];
  for (const [key, count] of of) {
    const more = count - (over.get(key) ?? 0);
    if (more > 0) lines.push(`${more} ${key}`);
  }
  return lines;
}
