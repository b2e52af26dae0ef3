/**
 * Packet comments that tell whose packet it is, in the form ptcpdump writes and reads: `Key: value` lines, one comment
 * each for the process, its thread, its user, its parent, its container and its pod. What is not known is left out.
 */
import type { ContainerInfo, PodInfo, ProcessInfo } from "../../core/process.ts";

/** Comments for one process, to be written to each packet it sent or received. */
export function processComments(process: ProcessInfo): string[] {
  const comments = [
    lines(["PID", process.pid], ["Cmd", process.exe ?? process.comm], ["Args", process.args?.join(" ")]),
    lines(["ThreadId", process.tid], ["ThreadName", process.comm]),
    lines(["UserId", process.uid ?? undefined], ["GroupId", process.gid]),
    lines(["ParentPID", process.ppid]),
  ];
  if (process.container) comments.push(containerLines(process.container));
  if (process.pod) comments.push(podLines(process.pod));
  return comments.filter((comment) => comment !== "");
}

function containerLines(container: ContainerInfo): string {
  return lines(["ContainerName", container.name], ["ContainerId", container.id], ["ContainerImage", container.image]);
}

function podLines(pod: PodInfo): string {
  return lines(
    ["PodName", pod.name],
    ["PodNamespace", pod.namespace],
    ["PodUID", pod.uid],
    ["PodLabels", pod.labels && JSON.stringify(pod.labels)],
  );
}

function lines(...pairs: readonly (readonly [key: string, value: string | number | undefined])[]): string {
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${oneLine(String(value))}`)
    .join("\n");
}

/** A process may choose its name and arguments: a line break in them must not make a line of its own. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ");
}
