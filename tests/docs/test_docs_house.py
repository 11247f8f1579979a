"""Every setting, verb and error code is documented; no page names a file that is not there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from cdp.cli.main import VERBS
from cdp.pipeline.check import findings
from cdp.settings import SETTINGS
from graph_schema.errors import CdpError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
NEEDS_TORCH = re.compile(r"gnn\.(learning|models\.(trained|lightgcn|xsimgcl|sage)$)")
FILE = re.compile(r"`((?:api|cdp|identity|gnn|graph_schema|tests|benchmarks|docs)/[\w./-]+\.\w+)`")


def codes() -> set[str]:
    for package in ("api", "cdp", "identity", "gnn", "graph_schema"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__") and not NEEDS_TORCH.search(module.name):
                importlib.import_module(module.name)
    found: set[type[CdpError]] = set()
    fresh = {CdpError}
    while fresh:
        found |= fresh
        fresh = {sub for error in fresh for sub in error.__subclasses__()} - found
    return {error.code for error in found}


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert f"| `{setting.name}` |" in text, setting.name
        assert setting.meaning in text, setting.name


def test_every_verb_is_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"`cdp {verb}" in text, verb


def test_every_invariant_is_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for invariant in findings.ALL:
        says = invariant.says[0].lower() + invariant.says[1:].removesuffix(".")
        assert f"| `{invariant.name}` | {says} |" in text, invariant.name


def test_every_error_code_is_documented() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = sorted(code for code in codes() if f"`{code}`" not in text)
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_named_is_there(page: Path) -> None:
    for name in FILE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
