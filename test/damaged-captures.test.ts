/**
 * Capture files with damage anywhere, in headers of the file, of packets and of what they hold: reading them through the
 * whole pipeline never fails, hangs or writes a broken line. A sample by default; EARSHOT_DAMAGED=all takes all files.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Trouble } from "../src/core/trouble.ts";
import { openCapture } from "../src/source/file/capture-file.ts";
import { CORPUS, noCorpus } from "./support/corpus-oracle.ts";
import { PipelineRun } from "./support/pipeline-run.ts";

const LARGEST_FILE_BYTES = 150_000;
const every = process.env["EARSHOT_DAMAGED"] === "all" ? 1 : 15;

const dir = mkdtempSync(join(tmpdir(), "earshot-damaged-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Roll = (below: number) => number;

/** Repeatable noise. */
function dice(seed: number): Roll {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function changed(bytes: Buffer, roll: Roll, count: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0; i < count; i++) copy[roll(copy.length)] = roll(256);
  return copy;
}

const DAMAGE: Readonly<Record<string, (bytes: Buffer, roll: Roll) => Buffer>> = {
  "cut anywhere": (bytes, roll) => bytes.subarray(0, 1 + roll(bytes.length)),
  "some octets changed": (bytes, roll) => changed(bytes, roll, 1 + roll(6)),
  "every two hundredth octet changed": (bytes, roll) => changed(bytes, roll, bytes.length / 200),
  "octets put in, others taken out": (bytes, roll) => {
    const at = roll(bytes.length);
    const noise = Buffer.from(Array.from({ length: roll(40) }, () => roll(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + roll(30))]);
  },
};

const files = noCorpus
  ? []
  : readdirSync(CORPUS)
      .filter((name) => /\.(pcap|pcapng|cap|trace)(\.gz|\.zst)?$/.test(name))
      .filter((name) => statSync(join(CORPUS, name)).size < LARGEST_FILE_BYTES)
      // compressed ones are few: all of them
      .filter((name, i) => i % every === 0 || /(gz|zst)$/.test(name));

test.skipIf(noCorpus).each(Object.keys(DAMAGE))("%s (needs the capture corpus in ../shared/corpus)", async (name) => {
  const path = join(dir, "damaged");
  for (const [place, file] of files.entries()) {
    writeFileSync(path, DAMAGE[name](readFileSync(join(CORPUS, file)), dice(place * 131 + name.length)));
    const run = new PipelineRun({ json: true, maxBodyBytes: 64 });
    const begin = performance.now();
    try {
      await openCapture(path, { ledger: run.ledger, onProblem: () => {} }).runAsync(run);
    } catch (error) {
      // no capture file any more
      expect(error, file).toBeInstanceOf(Trouble);
    }
    run.end();
    expect(run.errors, file).toEqual([]);
    expect(run.ledger.internalErrors, file).toBe(0);
    expect(run.jsonLines.map((line) => JSON.parse(line)).length, file).toBe(run.events.length);
    expect(performance.now() - begin, file).toBeLessThan(10_000);
  }
});
