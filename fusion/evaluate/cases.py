"""Fused risk on scored cases: alarms on clean ones by what was sent, and recall by kind of fraud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from customs.calibrate import MIN_GROUP
from customs.combine import combine_surprise
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from fusion import rivals
from fusion.data import KIND, PERIOD, Bools, Cases, Floats, modality
from fusion.evaluate.alarms import NOMINAL, measured
from fusion.evaluate.figures import interval, markdown, named, ratio_interval, recall, spread
from fusion.head.attributes import attributes
from fusion.joint import Joint
from fusion.model import Fusion, FusionConfig, aligned_to
from fusion.policy import Policy
from fusion.rank import tie_rate
from fusion.train import fit_cases

BUDGETS = (0.005, 0.01, 0.05)
FUSED, LEARNED = "fused", "fused and learned"
ALONE, AGAIN = "alone", "alone, measured again"
_ASKED = 0.01  # the budget and the nominal rate that are looked at closest
_MODULES = {"tabular": ("price.", "freight.", "volume."), "hs": ("hs.",), "xray": ("xray.",)}


def measure(
    cases: Cases,
    test: Cases | None,
    config: FusionConfig,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Learn from cases of known outcome, measure on those under review (or `test`), whose truth is known."""
    settled = cases.take(np.isfinite(cases.outcome))
    review = test if test is not None else cases.take((cases.table[PERIOD] == "review").to_numpy())
    if not len(settled) or not len(review):
        raise InvalidValue(
            f"{len(settled)} cases of known outcome, {len(review)} under review",
            field="data",
            remedy="score a world of size demo or queue with `portcullis score cases`",
        )
    policy = Policy.default()
    kind = review.table[KIND].to_numpy(dtype=str)
    fraud = kind != ""
    fusions = [fit_cases(settled, config, seed, policy, progress) for seed in seeds]
    first = fusions[0]
    assert first.joint is not None
    surprise = first.joint.score(aligned_to(review, first.joint.checks))[1]
    fused = np.nan_to_num(surprise, nan=-1.0)
    scores: dict[str, list[Floats]] = {name: [s] for name, s in _modules(settled, review, policy, config)}
    scores |= {name: [s] for name, s in rivals.of_evidence(settled, review, policy, seeds[0]).items()}
    scores[FUSED] = [fused]
    if all(fusion.head is not None for fusion in fusions):
        scores[LEARNED] = [_learned(fusion, review) for fusion in fusions]
    ours = scores.get(LEARNED, scores[FUSED])[0]
    best = {
        how: max((n for n in scores if n.endswith(how)), key=lambda n: recall(scores[n][0], fraud, _ASKED))
        for how in (ALONE, AGAIN)
    }
    return {
        "of": "cases",
        "settled": len(settled),
        "settled_frauds": int(settled.outcome.sum()),
        "review": len(review),
        "frauds": int(fraud.sum()),
        "seeds": list(seeds),
        "alarms": measured(settled.take(settled.outcome == 0), review.take(~fraud), config, policy),
        "recall": [
            {
                "name": name,
                **{_at(b): named(interval(some, fraud, b, "recall")) for b in BUDGETS},
                "kinds": _kinds(some, kind),
                "tied": tie_rate(some[0]),
            }
            for name, some in scores.items()
        ],
        "at_most": {_at(b): min(round(b * len(review)) / max(int(fraud.sum()), 1), 1.0) for b in BUDGETS},
        "times_best_module": [
            {"name": name, "module": module, **_times(scores, name, module, fraud)}
            for module in best.values()
            for name in (FUSED, LEARNED)
            if name in scores
        ],
        "cuts": [_cut(ours, budget) for budget in BUDGETS],
        "ablations": _ablations(settled, review, config, policy, fraud),
    }


def table(report: Mapping[str, Any]) -> str:
    """Markdown."""
    kinds = list(report["recall"][0]["kinds"])
    out = [
        f"{report['settled']:,} cases of known outcome ({report['settled_frauds']} frauds) to learn from, "
        f"{report['review']:,} to review with {report['frauds']} frauds; seeds {report['seeds']}; "
        "95 % of bootstrapped test sets.",
        "",
        markdown(
            ["recall", *(f"at {b:.1%}" for b in BUDGETS), "tied"],
            [
                [r["name"], *(spread(r[_at(b)]) for b in BUDGETS), f"{r['tied']:.1%}"]
                for r in report["recall"]
            ],
        ),
        "",
        "No order can reach more than "
        + ", ".join(f"{report['at_most'][_at(b)]:.3f} at {b:.1%}" for b in BUDGETS)
        + ". Times the recall of the best single module:",
        "",
        markdown(
            ["", "module", *(f"at {b:.1%}" for b in BUDGETS)],
            [
                [row["name"], row["module"], *(spread(row[_at(b)], 2) for b in BUDGETS)]
                for row in report["times_best_module"]
            ],
        ),
        "",
        markdown(
            [f"recall at {_ASKED:.0%} by kind", *kinds],
            [[r["name"], *(f"{r['kinds'][k]:.2f}" for k in kinds)] for r in report["recall"]],
        ),
        "",
        markdown(
            ["clean cases flagged", *(f"at {n:.1%}" for n in NOMINAL), "cases"],
            [
                [f"{name}, {how}", *(_percent(found[f"{n}"]) for n in NOMINAL), found[f"{_ASKED}"]["cases"]]
                for how, patterns in report["alarms"].items()
                for name, found in patterns.items()
            ],
        ),
        "",
        markdown(
            ["ablation", *(f"recall at {b:.1%}" for b in BUDGETS)],
            [
                [name, *(f"{found[_at(b)]:.3f}" for b in BUDGETS)]
                for name, found in report["ablations"].items()
            ],
        ),
    ]
    return "\n".join(out)


def _modules(settled: Cases, review: Cases, policy: Policy, config: FusionConfig) -> list[tuple[str, Floats]]:
    """Each module by itself: its checks as it says them, and measured again as all are together.

    One that hardly ever spoke is left out.
    """
    found = []
    for name, starts in _MODULES.items():
        mine = [check.startswith(starts) for check in review.checks]
        if not any(mine):
            continue
        clean = _only(settled.take(settled.outcome == 0), starts)
        if np.isfinite(clean.surprise).any(axis=1).sum() < MIN_GROUP:
            continue  # it spoke too rarely to be calibrated by itself
        alone = _only(review, starts)
        weights = [policy.weights.get(check, 1.0) for check in alone.checks]
        said = combine_surprise(np.maximum(alone.surprise, 0.0).T, weights, cap=policy.cap)
        found.append((f"{name} {ALONE}", np.nan_to_num(said, nan=-1.0)))
        joint = Joint.fit(clean, policy, gamma=config.gamma)
        again = joint.score(aligned_to(alone, joint.checks))[1]
        found.append((f"{name} {AGAIN}", np.nan_to_num(again, nan=-1.0)))
    return found


def _times(scores: Mapping[str, Sequence[Floats]], name: str, module: str, fraud: Bools) -> dict[str, Any]:
    """Our recall over a module's at every budget, of the first seed."""
    pair = scores[name][0], scores[module][0]
    return {_at(b): named(ratio_interval(*pair, fraud, b)) for b in BUDGETS}


def _only(cases: Cases, starts: tuple[str, ...]) -> Cases:
    kept = [j for j, check in enumerate(cases.checks) if check.startswith(starts)]
    checks = tuple(cases.checks[j] for j in kept)
    return Cases(cases.table, checks, cases.p_value[:, kept], cases.surprise[:, kept])


def _learned(fusion: Fusion, review: Cases) -> Floats:
    assert fusion.head is not None
    rows = attributes(review.table)
    return fusion.head.raw(rows, fusion.head.features(rows, fusion.evidence_features(review)))


def _kinds(scores: Sequence[Floats], kind: np.ndarray) -> dict[str, float]:
    """Recall at one per cent of each kind of fraud."""
    from fusion.evaluate.figures import caught

    found: dict[str, float] = {}
    for name in sorted(set(kind.tolist()) - {""}):
        mine: Bools = kind == name
        found[name] = float(np.mean([caught(s, max(round(_ASKED * len(s)), 1))[mine].mean() for s in scores]))
    return found


def _cut(score: Floats, budget: float) -> dict[str, Any]:
    places = max(round(budget * len(score)), 1)
    at = np.sort(score)[::-1][places - 1]
    return {"budget": budget, "places": places, "tied_at_the_cut": int((score == at).sum())}


def _ablations(
    settled: Cases, review: Cases, config: FusionConfig, policy: Policy, fraud: Bools
) -> dict[str, dict[str, float]]:
    """The unlearned combination without one of its parts, or added up otherwise."""
    import dataclasses

    clean = settled.take(settled.outcome == 0)
    found = {}
    full = Joint.fit(clean, policy, gamma=config.gamma)
    variants = {"as it is": full, "checks not measured again": dataclasses.replace(full, own={})}
    for gamma in (0.1, 0.25, 0.5, 1.0, 3.0):
        variants[f"γ = {gamma:g}"] = Joint.fit(clean, policy, gamma=gamma)
    for name, joint in variants.items():
        score = np.nan_to_num(joint.score(aligned_to(review, joint.checks))[1], nan=-1.0)
        found[name] = {_at(b): recall(score, fraud, b) for b in BUDGETS}
    for gone in sorted({modality(check) for check in review.checks} - {"declaration"}):
        left = review.without((gone,))
        score = np.nan_to_num(full.score(aligned_to(left, full.checks))[1], nan=-1.0)
        found[f"without {gone}"] = {_at(b): recall(score, fraud, b) for b in BUDGETS}
    return found


def _percent(found: Mapping[str, Any]) -> str:
    return f"{found['share']:.2%} ({found['low']:.2%}-{found['high']:.2%})"


def _at(budget: float) -> str:
    return f"recall_{budget:.1%}"
