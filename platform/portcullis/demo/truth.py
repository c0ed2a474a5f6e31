"""What an inspector finds who opens the container: the only place that looks at the world's truth."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from customs.declaration import Declaration
from portcullis.store.casework import Found, Result

# Of each planted fraud: the reason code of its outcome, and what the inspector writes.
FINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "under_invoicing": ("undervaluation", "실제 거래가격보다 낮게 신고됨"),
        "inflated_freight": ("false_documents", "실제 지급 운임과 신고 운임이 다름"),
        "wrong_code": ("misclassification", "신고 물품과 다른 물품으로 확인됨"),
        "swapped_code": ("misclassification", "같은 류의 다른 물품으로 확인됨"),
        "misclassified": ("misclassification", "물품은 신고와 같으나 세번이 다름"),
        "swapped_goods": ("undeclared_goods", "신고하지 않은 다른 물품이 적재됨"),
        "hidden_goods": ("concealed_goods", "적재물 안쪽에서 은닉 물품 발견"),
        "inserted_object": ("concealed_goods", "적재물 사이에서 은닉 물품 발견"),
        "double_floor": ("concealed_goods", "바닥 이중 구조에서 은닉 물품 발견"),
        "wrong_weight": ("wrong_quantity", "계량 결과 신고 중량과 다름"),
        "short_weight": ("wrong_quantity", "포장당 중량이 신고보다 적음"),
        "partial_load": ("wrong_quantity", "적재 수량이 신고보다 적음"),
        "void": ("wrong_quantity", "적재물 안쪽이 비어 있음"),
        "wrong_packages": ("wrong_quantity", "포장 개수가 신고와 다름"),
    }
)


@dataclass(frozen=True)
class Truth:
    """Declaration id to the first fraud planted in it and the code that its goods have."""

    planted: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, world: Path) -> Truth:
        """Of a world's folder."""
        found: dict[str, tuple[str, str]] = {}
        with (world / "truth.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["declaration_id"], (row["fraud"], row["true_hsk"]))
        return cls(found)

    def found(self, declaration: Declaration, *, flagged: bool) -> Found:
        """The outcome of looking at the goods; flagged: the models thought them odd."""
        planted = self.planted.get(declaration.id)
        if planted is None:
            reason = "unusual_but_lawful" if flagged else "goods_match"
            return Found(result=Result.AS_DECLARED, reason=reason)
        fraud, code = planted
        reason, note = FINDS[fraud]
        other = code if code != declaration.lines[0].hsk.digits else None
        return Found(result=Result.DISCREPANCY, reason=reason, found_hs=other, note=note)
