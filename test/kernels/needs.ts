/** What trying kernels needs of this machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const TOOLS = ["apt-get", "dpkg-deb", "tar", "cpio", "xz"];
const PACKAGE: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-system-aarch64": "qemu-system-arm",
  xz: "xz-utils",
};

/** null when everything is there, else what is missing and how to get it. */
export function whyNot(emulator: string): string | null {
  const folders = `${process.env["PATH"] ?? ""}:/usr/bin:/bin`.split(":");
  const missing = [...TOOLS, emulator].filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))));
  if (missing.length === 0) return null;
  if (missing.includes("apt-get")) return "needs Debian's apt to get kernels from";
  return `needs ${missing.join(", ")}: apt install ${missing.map((tool) => PACKAGE[tool] ?? tool).join(" ")}`;
}
