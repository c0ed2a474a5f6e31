"""How large a world is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from customs.world.frauds import KINDS, QUEUE_KINDS
from customs.world.scan_frauds import SCAN_KINDS


@dataclass(frozen=True)
class Size:
    """How much of everything, for each item; `core_only` leaves out all but a few items.

    past, settled, review: declarations; those settled come between the others, and what their inspections
    found is known. papers: declarations under review beyond these, without scan or photo, in `paper_share` of
    which a fraud is planted that papers can show: what a busy office sees. scan_share: of the containers by
    sea; always_scanned: past containers that are scanned in any case; photo_share: of the declarations;
    texts: past names.
    scan_fraud_share: of the scanned review, in which a fraud is planted that only a scan shows; vendor_share:
    of the scans, kept as the vendor's 8-bit picture; lots: how many containers the purchases have that fill
    more than one, past and review; scanned_only: every declaration is a container with a scan;
    one_kind: all scanners have the same beams and pixels. fraud_share: of the review (and of what is settled)
    in which a fraud of one of `kinds` is planted, in turn; scan_kinds: those that only a scan shows.
    """

    core_only: bool
    past: int
    review: int
    scan_share: float
    always_scanned: int
    photo_share: float
    texts: int
    scan_fraud_share: float = 0.06
    vendor_share: float = 0.03
    past_lots: tuple[int, ...] = ()
    review_lots: tuple[int, ...] = ()
    scanned_only: bool = False
    one_kind: bool = False
    settled: int = 0
    papers: int = 0
    paper_share: float = 0.04
    fraud_share: float = 0.12
    kinds: tuple[str, ...] = KINDS
    scan_kinds: tuple[str, ...] = SCAN_KINDS


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "tiny": Size(
            core_only=True,
            past=6,
            review=2,
            scan_share=0.2,
            always_scanned=4,
            photo_share=0.5,
            texts=6,
            scan_fraud_share=0.0,
            vendor_share=0.0,
            one_kind=True,
        ),
        "small": Size(
            core_only=False, past=9, review=2, scan_share=0.25, always_scanned=4, photo_share=0.4, texts=16
        ),
        "demo": Size(
            core_only=False,
            past=20,
            settled=10,
            review=4,
            papers=60,
            scan_share=0.28,
            always_scanned=5,
            photo_share=0.5,
            texts=40,
        ),
        "large": Size(
            core_only=False,
            past=120,
            review=25,
            scan_share=0.5,
            always_scanned=12,
            photo_share=0.5,
            texts=120,
        ),
        "scans": Size(
            core_only=False,
            past=10,
            review=6,
            scan_share=1.0,
            always_scanned=10,
            photo_share=0.0,
            texts=4,
            scan_fraud_share=0.4,
            vendor_share=0.06,
            past_lots=(3, 2),
            review_lots=(3,),
            scanned_only=True,
        ),
        # Ten kinds of fraud, each in about two of a thousand declarations: what a risk unit's queue is like.
        "queue": Size(
            core_only=False,
            past=24,
            settled=164,
            review=328,
            scan_share=0.35,
            always_scanned=6,
            photo_share=0.45,
            texts=40,
            fraud_share=0.014,
            kinds=QUEUE_KINDS,
            scan_fraud_share=0.0185,
            scan_kinds=("inserted_object", "swapped_goods", "short_weight"),
        ),
    }
)
