/** The rules that a configuration asks for. Takes it and what rules share; gives them, or throws Trouble. */
import { AbsenceRule } from "./absence-rule.ts";
import { BaselineRule } from "./baseline-rule.ts";
import type { Predicate, Rule, RuleContext } from "./context.ts";
import { FirstSeenRule } from "./first-seen-rule.ts";
import type { AlertConfig, RuleConfig } from "./schema.ts";
import { SeedRule } from "./seed-rule.ts";
import { ThresholdRule } from "./threshold-rule.ts";

type Compile = (filter: string) => Predicate;

export function makeRules(config: AlertConfig, context: RuleContext, compile: Compile): Rule[] {
  if (config.profile === "off") return [];
  if (config.profile === "seed")
    return [new SeedRule({ ...config.seed, threshold_pct: config.seed.threshold }, context)];
  return config.rules.filter((rule) => rule.enabled).map((rule) => makeRule(rule, context, compile));
}

function makeRule(rule: RuleConfig, context: RuleContext, compile: Compile): Rule {
  const matches = rule.scope === null ? null : compile(rule.scope);
  switch (rule.kind) {
    case "baseline":
      return new BaselineRule(rule, matches, context);
    case "threshold":
      return new ThresholdRule(rule, matches, context);
    case "absence":
      return new AbsenceRule(rule, matches, context);
    case "first-seen":
      return new FirstSeenRule(rule, matches, context);
  }
}
