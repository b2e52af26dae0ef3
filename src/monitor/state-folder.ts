/**
 * Where earshot keeps what must survive a restart, and how it writes there: for the owner's eyes only, whole files or
 * none, so that a crash leaves the old one or the new one.
 */
import { chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Where state is kept: `$EARSHOT_STATE`, else the usual place of the user or, for root, of the system. */
export function stateFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { EARSHOT_STATE, XDG_STATE_HOME, HOME } = environment;
  if (EARSHOT_STATE) return EARSHOT_STATE;
  if (process.getuid?.() === 0) return "/var/lib/earshot";
  return join(XDG_STATE_HOME || join(HOME ?? "/tmp", ".local", "state"), "earshot");
}

/** Writes a file in a folder of our own, which is made when it is not there. Throws what the system says. */
export function writePrivate(path: string, text: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  // x: what somebody else put there in between, a link perhaps, is not written through
  writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
  giveTo(folder, fresh);
  renameSync(fresh, path);
}

/** What root writes into the folder of a service's user must be that user's. */
function giveTo(folder: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  if (uid !== 0) chownSync(path, uid, gid);
}
