// Turns bpftool's light skeleton (a C header) into one blob that src/enrich/process/ebpf/light-skeleton.ts loads:
// gzip of a JSON line {source, maps, programs, initial, insns, data}, followed by the two byte runs of those lengths.
// `source` is a hash of the C files, by which a test knows a blob that is older than they are.
// Usage: node scripts/bpf-blob.mjs SKELETON.h OUT SOURCE...
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const [input, output, ...sources] = process.argv.slice(2);
const header = readFileSync(input, "latin1");

/** The bytes of a C string literal that starts at `open`. */
function literal(open) {
  const bytes = [];
  for (let at = open + 1; header[at] !== '"'; ) {
    if (header[at] !== "\\") bytes.push(header.charCodeAt(at++));
    else if (header[at + 1] === "\n") at += 2;
    else if (header[at + 1] === "x") {
      bytes.push(Number.parseInt(header.slice(at + 2, at + 4), 16));
      at += 4;
    } else if (header[at + 1] === "0") {
      bytes.push(0);
      at += 2;
    } else throw new Error(`escape not known: ${header.slice(at, at + 4)}`);
  }
  return Buffer.from(bytes);
}

function part(name) {
  const size = Number(new RegExp(`opts\\.${name}_sz = (\\d+)`).exec(header)[1]);
  return literal(header.indexOf('"', header.indexOf(`opts.${name} = (void *)"`))).subarray(0, size);
}

const names = (pattern) => [...header.matchAll(pattern)].map((match) => match[1]);
const initial = {};
for (const match of header.matchAll(/skel->(\w+) = skel_prep_map_data\(\(void \*\)"/g)) {
  const open = match.index + match[0].length - 1;
  const sizes = /", (\d+), (\d+)\)/.exec(header.slice(open));
  initial[match[1]] = literal(open).subarray(0, Number(sizes[2])).toString("base64");
}
const data = part("data");
const insns = part("insns");
const hash = createHash("sha256");
for (const file of sources) hash.update(readFileSync(file));
const facts = {
  source: hash.digest("hex"),
  maps: names(/struct bpf_map_desc (\w+);/g),
  programs: names(/struct bpf_prog_desc (\w+);/g),
  initial,
  insns: insns.length,
  data: data.length,
};
const whole = Buffer.concat([Buffer.from(`${JSON.stringify(facts)}\n`), insns, data]);
const blob = gzipSync(whole, { level: 9 });
writeFileSync(output, blob);
console.log(`${output}: ${blob.length} octets, programs ${facts.programs.join(" ")}`);
