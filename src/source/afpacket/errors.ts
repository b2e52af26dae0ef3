/** What a failed system call of live capture means for the user: one line, and the exact way out. */
import { realpathSync } from "node:fs";
import { EXIT, Trouble } from "../../core/trouble.ts";

/** What the capture itself needs. */
const CAPTURE_CAPABILITIES = ["CAP_NET_RAW", "CAP_NET_ADMIN"];

/** How to get the privilege to capture, as exact commands; `more` names capabilities to give beside it. */
export function permissionHint(more: readonly string[] = []): string {
  const wanted = [...CAPTURE_CAPABILITIES, ...more];
  if (process.geteuid?.() === 0) {
    const options = wanted.map((name) => `--cap-add=${name.replace("CAP_", "")}`).join(" ");
    return `Root has not all its rights here: start the container with ${options} (docker, podman).`;
  }
  const command = process.argv.map(quote).join(" ");
  const names = wanted.join(",").toLowerCase();
  return `Run: sudo ${command}  or once: sudo setcap ${names}+ep ${quote(nodePath())}`;
}

/** The Node binary itself: file capabilities do not work on a symbolic link. */
export function nodePath(): string {
  try {
    return realpathSync(process.execPath);
  } catch {
    return process.execPath;
  }
}

/** As one word for a shell. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** `what` failed with `errno` (by name). */
export function captureTrouble(what: string, errno: string): Trouble {
  switch (errno) {
    case "EPERM":
    case "EACCES":
      return new Trouble("no permission to capture live traffic", {
        exitCode: EXIT.permission,
        hint: permissionHint(),
      });
    case "EAFNOSUPPORT":
    case "EPROTONOSUPPORT":
    case "ESOCKTNOSUPPORT":
    case "ENOSYS":
      return new Trouble("this kernel has no packet sockets (AF_PACKET)", {
        exitCode: EXIT.unsupported,
        hint: "Use a kernel with CONFIG_PACKET, or capture elsewhere and read the file: earshot read FILE.",
      });
    case "ENOMEM":
    case "ENOBUFS":
      return new Trouble(`not enough memory for the capture buffer (${what}: ${errno})`, {
        hint: "Give a smaller --buffer.",
      });
    case "ENODEV":
    case "ENXIO":
      return new Trouble(`the interface went away while the capture was being opened (${what}: ${errno})`, {
        exitCode: EXIT.usage,
      });
    default:
      return new Trouble(`live capture could not be opened (${what}: ${errno})`, {
        hint: "earshot doctor shows what this machine allows.",
      });
  }
}

/** Elsewhere than on Linux. */
export function unsupportedPlatform(): Trouble {
  return new Trouble(`live capture works on Linux only, and this is ${process.platform}`, {
    exitCode: EXIT.unsupported,
    hint: "Capture with tcpdump and read it: sudo tcpdump -w - | earshot read -",
  });
}
