/** The tools that the benchmark runs beside earshot, each with its command line for a capture file. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Tool {
  readonly name: string;
  readonly command: (file: string) => readonly string[];
  /** Slow ones run once. */
  readonly slow?: boolean;
}

/** Touches every octet of a file once, is nearly everywhere, and costs the same everywhere: the measure when no peer is there. */
export const DIGEST = "md5sum";

const SKIPPED = "";

function installed(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => folder !== "" && existsSync(join(folder, program)));
}

/** The C loop, compiled when a compiler and libpcap's headers are there. */
function floor(work: string): Tool | string {
  const binary = join(work, "pcap-loop");
  const compiler = ["cc", "gcc", "clang"].find(installed);
  if (compiler === undefined) return "pcap_next_ex loop: no C compiler";
  try {
    execFileSync(
      compiler,
      ["-O2", "-o", binary, join(dirname(fileURLToPath(import.meta.url)), "pcap-loop.c"), "-lpcap"],
      {
        stdio: "ignore",
      },
    );
  } catch {
    return "pcap_next_ex loop: libpcap's headers are not installed";
  }
  return { name: "pcap_next_ex loop", command: (file) => [binary, file] };
}

const TSHARK_FIELDS =
  "frame.time_epoch ip.src tcp.srcport http.request.method http.host http.request.uri http.response.code http.time http.user_agent";

/** Those that are there, and why others are not. `quick` leaves out what says little and takes long. */
export function tools(
  earshot: readonly string[],
  work: string,
  quick: boolean,
): { readonly tools: readonly Tool[]; readonly absent: readonly string[] } {
  const list: (Tool | string)[] = [
    { name: "earshot json", command: (file) => [...earshot, "read", file, "-o", "json"] },
    { name: "earshot quiet", command: (file) => [...earshot, "read", file, "--quiet"] },
    installed("httpry")
      ? { name: "httpry", command: (file) => ["httpry", "-q", "-r", file, "-o", "/dev/null"] }
      : "httpry: not installed",
    installed(DIGEST) ? { name: DIGEST, command: (file) => [DIGEST, file] } : `${DIGEST}: not installed`,
    quick
      ? SKIPPED
      : installed("tcpdump")
        ? { name: "tcpdump -w", command: (file) => ["tcpdump", "-n", "-r", file, "-w", "/dev/null"] }
        : "tcpdump: not installed",
    quick ? SKIPPED : floor(work),
    installed("tshark")
      ? {
          name: "tshark",
          slow: true,
          command: (file) => {
            const fields = TSHARK_FIELDS.split(" ").flatMap((field) => ["-e", field]);
            return ["tshark", "-n", "-r", file, "-Y", "http", "-T", "fields", ...fields];
          },
        }
      : "tshark: not installed",
  ];
  return {
    tools: list.filter((tool) => typeof tool !== "string"),
    absent: list.filter((tool): tool is string => typeof tool === "string" && tool !== SKIPPED),
  };
}
