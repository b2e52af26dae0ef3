/** A container as docker and podman describe it (`docker inspect`, and docker's own file of a container). */
import type { PodInfo } from "../../core/process.ts";
import { type Plain, plain } from "./json.ts";
import { answerOf, podOf, type RuntimeAnswer, textOf } from "./runtime-answer.ts";

/** null when it is no description of a container. */
export function fromInspection(value: unknown, runtime: "docker" | "podman"): RuntimeAnswer | null {
  const inspection = plain(value);
  const config = plain(inspection["Config"]);
  const labels = plain(config["Labels"]);
  const name = textOf(inspection["Name"])?.replace(/^\//, "");
  const image = textOf(config["Image"]) ?? textOf(inspection["ImageName"]);
  if (name === undefined && image === undefined) return null;
  return answerOf(runtime, name, image, podOfLabels(labels));
}

/** One of `docker ps`, with its id; null when it is none. */
export function fromListing(value: unknown, runtime: "docker" | "podman"): readonly [string, RuntimeAnswer] | null {
  const listed = plain(value);
  const id = textOf(listed["Id"]);
  const name = textOf(plain(listed["Names"])[0])?.replace(/^\//, "");
  if (id === undefined || name === undefined) return null;
  return [id, answerOf(runtime, name, textOf(listed["Image"]), podOfLabels(plain(listed["Labels"])))];
}

/** cri-dockerd writes the pod into its containers' labels. */
function podOfLabels(labels: Plain): PodInfo | undefined {
  return podOf(
    textOf(labels["io.kubernetes.pod.uid"]),
    textOf(labels["io.kubernetes.pod.name"]),
    textOf(labels["io.kubernetes.pod.namespace"]),
  );
}
