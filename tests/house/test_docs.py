"""The docs say what is so."""

import re
from pathlib import Path

from local.diagram import diagram
from shared.model.errors import Code

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_diagram_is_the_engines_own_table() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram()}\n```" in page, "renew it with: python3 -m local.diagram"


def test_every_code_the_page_explains_exists() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("| code |")[2].partition("\n\n")[0].splitlines() if line.startswith("| `")]
    named = {code for row in rows for code in re.findall(r"`(\w+)`", row.split("|")[1])} - {"needs_attention"}
    assert named
    assert named <= {code.value for code in Code}


def test_every_code_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [code.value for code in Code if f"`{code.value}`" not in page] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_test_that_the_page_of_promises_names_is_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/.]+)`", page))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
