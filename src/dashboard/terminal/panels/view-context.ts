/** What every panel gets beside its pane. */
import type { DashboardModel } from "../../model/model.ts";
import type { Clock } from "../format.ts";

export interface ViewContext extends Clock {
  readonly model: DashboardModel;
  /** The mouse is on: the footer says so. */
  readonly mouse: boolean;
}
