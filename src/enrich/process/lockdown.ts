/** Is the kernel locked down so far that nobody may read its memory (kernel_lockdown(7))? Secure Boot alone does not do that. */
import { readText } from "./proc-files.ts";

/** Text of the file that tells; null when there is none, or it is not mounted. */
export const readLockdown = () => readText("/sys/kernel/security/lockdown");

/** `none integrity [confidentiality]`: the one in brackets is in force. */
export function isConfidential(lockdown: string | null): boolean {
  return lockdown?.includes("[confidentiality]") === true;
}
