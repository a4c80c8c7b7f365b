// Plans a search with a budget on this machine: a new one, or a study with its remaining time, measured children and
// earlier decisions.

import { InputError } from '../failure.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { inUnits, upToTwoDigits } from '../words.ts';
import { type BudgetPlan, planBudget, shortestBudget } from './budget.ts';
import { budgetCosts } from './budget-costs.ts';
import { costOptions, type Searching, type Start } from './start.ts';

type PlannedSearch = Omit<Searching, 'trials'>;

/**
 * Returns the plan of a new search; undefined without a budget.
 * @throws InputError for a budget that is too short on this machine
 */
export function newPlan(searching: PlannedSearch, { laws, seconds = 0 }: Start): BudgetPlan | undefined {
  const { budget } = searching.settings;
  if (!budget) return undefined;
  const costs = budgetCosts(costOptions(searching, laws));
  const shortest = shortestBudget(costs, seconds);
  if (budget.seconds >= shortest) return planBudget(budget, costs, { seconds, children: 0 });
  throw new InputError(
    `budget: expected at least about ${upToTwoDigits(shortest / 60)} minutes on this machine, got ${inUnits(budget.seconds, 60)}: some children and a short final training take as long`,
    { code: 'budget-too-short', fields: { seconds: budget.seconds, shortest } },
  );
}

/** Returns the current plan of a study; undefined without a budget. */
export function planLeft(
  study: Study<SearchSettings>,
  searching: Omit<PlannedSearch, 'settings'>,
  laws: Laws,
): BudgetPlan | undefined {
  const { settings } = study;
  if (!settings.budget) return undefined;
  const costs = budgetCosts(costOptions({ ...searching, settings }, laws));
  const { done, failed } = study.summary().trials;
  const spent = { seconds: study.result('clock')?.seconds ?? 0, children: done + failed };
  const plan = planBudget(settings.budget, costs, spent);
  const {
    trials = plan.children,
    finalists = plan.finalists,
    final = plan.final,
  } = study.result('budget decisions') ?? {};
  return { children: Math.max(trials, study.asked), finalists, final };
}
