/** A container as docker and podman describe it (`docker inspect`, and docker's own file of a container). */
import { plain } from "./json.ts";
import { answerOf, podOf, type RuntimeAnswer, textOf } from "./runtime-answer.ts";

/** null when it is no description of a container. */
export function fromInspection(value: unknown, runtime: "docker" | "podman"): RuntimeAnswer | null {
  const inspection = plain(value);
  const config = plain(inspection["Config"]);
  const labels = plain(config["Labels"]);
  const name = textOf(inspection["Name"])?.replace(/^\//, "");
  const image = textOf(config["Image"]) ?? textOf(inspection["ImageName"]);
  if (name === undefined && image === undefined) return null;
  const pod = podOf(
    textOf(labels["io.kubernetes.pod.uid"]),
    textOf(labels["io.kubernetes.pod.name"]),
    textOf(labels["io.kubernetes.pod.namespace"]),
  );
  return answerOf(runtime, name, image, pod);
}
