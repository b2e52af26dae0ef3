/** Kernels that are tried: where each comes from and which tiers it has to run. */

export type TierName = "A" | "B" | "C" | "D";

export interface Target {
  readonly name: string;
  readonly architecture: "amd64" | "arm64";
  /** Debian release of the userland: its libc is the one that Node and koffi run with. */
  readonly release: "bullseye" | "bookworm" | "trixie";
  /** Suites that packages may come from, e.g. backports for a newer kernel. */
  readonly suites: readonly string[];
  /** Debian's package that depends on the newest kernel of the suite. */
  readonly kernel: string;
  /** Tiers that must run there; all others must say why they do not. */
  readonly tiers: readonly TierName[];
  /** Added to the kernel's command line. */
  readonly boot?: string;
}

const BULLSEYE = { release: "bullseye", suites: ["bullseye", "bullseye-security"] } as const;
const BOOKWORM = { release: "bookworm", suites: ["bookworm", "bookworm-security"] } as const;
const TRIXIE = { release: "trixie", suites: ["trixie", "trixie-security"] } as const;
const X86 = { architecture: "amd64", kernel: "linux-image-amd64" } as const;

export const TARGETS: readonly Target[] = [
  { name: "5.10", ...X86, ...BULLSEYE, tiers: ["C", "D"] },
  { name: "6.1", ...X86, ...BOOKWORM, tiers: ["B", "C", "D"] },
  { name: "6.1-lockdown", ...X86, ...BOOKWORM, tiers: ["D"], boot: "lockdown=confidentiality" },
  { name: "6.1-integrity", ...X86, ...BOOKWORM, tiers: ["B", "C", "D"], boot: "lockdown=integrity" },
  { name: "6.12", ...X86, ...TRIXIE, tiers: ["A", "B", "C", "D"] },
  { name: "6.12-rt", ...X86, ...TRIXIE, kernel: "linux-image-rt-amd64", tiers: ["A", "B", "C", "D"] },
  { name: "6.12-arm64", architecture: "arm64", kernel: "linux-image-arm64", ...TRIXIE, tiers: ["A", "B", "C", "D"] },
  {
    name: "6.12-arm64-16k",
    architecture: "arm64",
    kernel: "linux-image-arm64-16k",
    ...TRIXIE,
    tiers: ["A", "B", "C", "D"],
  },
  { name: "6.1-arm64", architecture: "arm64", kernel: "linux-image-arm64", ...BOOKWORM, tiers: ["C", "D"] },
];
