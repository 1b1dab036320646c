"""The report in all its formats: one model, every name escaped, the same command twice the same bytes."""

import csv
import io
import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import sentences, to_csv, to_latex, to_markdown
from analysis.report_model import Report
from analysis.shapley import PartShare, Shares
from analysis.share_words import share_blocks
from analysis.stats import Mean
from analysis.table import (
    COMBINATIONS,
    Block,
    Certificate,
    Comparison,
    Difference,
    Hole,
    JudgedClaim,
    PrintedValue,
    Ranking,
    Row,
    RowDifference,
    SharedHash,
    Table,
)
from analysis.to_html import report_html
from experiments.records.decision_schema import ClaimState
from experiments.records.table_schema import Attribution, Claim
from tests.pages import parsed

BOTH = "seeds and images"
NASTY = r"""<script>alert("x")</script> & 'a' | b_c $d$ 5% #1 {e} \f ~g ^h [i](j) `k` *l*"""


def table(name: str = "none", columns=("AP",), title: str = "Made up", hole: str = "not implemented") -> Table:
    """Of two rows, with a hole, a comparison and a broken certificate."""
    good = PrintedValue(17.7, Mean(40.25, 1.5, 3), "best", "", True, True, ("id1", "id2"))
    values = (good, *(PrintedValue(None, None, "", hole) for _ in columns[1:]))
    versus = Comparison(name, "other", "main", Difference(3.0, 1.0, 3, BOTH))
    rows = (Row(name, name, values, (versus,)), Row("other", "", values, ()))
    certificate = Certificate(
        "main",
        (name, "other"),
        (SharedHash("order", ("h1",), ""),),
        (RowDifference("method", ((name, ("other",)),)),),
        (name,),
    )
    values = (3.0, -3.0, 0.5, 0.2, -0.5)
    rankings = [Ranking(2.0, Comparison(name, "other", "main", Difference(v, 1.0, 3, BOTH))) for v in values]
    return Table(
        2, "cpu-table2", title, "cpu", name, (f"{name} for coco",), columns, rows, (), "by the rule", tuple(rankings),
        (Hole(name, "x", name),), (certificate,),
    )  # fmt: skip


def page(*tables: Table) -> str:
    return report_html(Report(NASTY, "summary", (("Run on", NASTY),), tables, None, "", ()))


PLAIN = parsed(page(table())).tags


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60))
def test_no_name_becomes_markup(name):
    reader = parsed(page(table(name, ("AP", name), name, name)))
    assert reader.tags == PLAIN
    clean = re.sub(r"\r\n?", "\n", name)  # as browsers read line ends
    assert any(clean in re.sub(r"\r\n?", "\n", part) for part in reader.text) or "\0" in name
    lines = to_markdown.table_markdown(table(name, ("AP", name), name, name)).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {5}
    source = to_latex.table_latex(table(name, ("AP", name), name, name))
    assert balanced(source)


def balanced(source: str) -> bool:
    """Braces that are not escaped close each other, and each row of the body has as many cells as the head."""
    bare = re.sub(r"\\[\\{}&%$#_]", lambda m: "\n" if m[0] == r"\\" else "", source.partition("\n")[2])
    depth = 0
    for c in bare:
        depth += (c == "{") - (c == "}")
        assert depth >= 0
    body = bare.partition("toprule")[2].partition(r"\bottomrule")[0]
    return depth == 0 and {line.count("&") for line in body.split("\n") if "&" in line} == {2}


def test_nasty_names_read_as_they_are():
    text = page(table(NASTY, ("AP", NASTY), NASTY, NASTY))
    assert "<script" not in text and NASTY in "".join(parsed(text).text)
    line = next(
        x for x in to_markdown.table_markdown(table(NASTY, ("AP", NASTY), NASTY, NASTY)).splitlines() if "alert" in x
    )
    assert not re.search(r"(?<!\\)<script", line) and r"\|" in line and r"\*l\*" in line
    source = to_latex.table_latex(table(NASTY, ("AP", NASTY), NASTY, NASTY))
    assert r"\textless{}script\textgreater{}" in source and r"b\_c \$d\$ 5\% \#1 \{e\}" in source


def test_all_formats_print_the_same_figures():
    two = table(columns=("AP", "AP50"))
    assert "**40.2\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}1.5†**<br><sub>17.7, +22.6</sub>" in to_markdown.table_markdown(
        two
    )
    assert r"\textbf{40.2~$\pm$~1.5$\dagger$} & {\scriptsize not implemented}" in to_latex.table_latex(two)
    assert '<span class="best">40.2\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}1.5†</span><small>17.7, +22.6</small>' in page(
        two
    )
    line = next(csv.DictReader(io.StringIO(to_csv.table_csv(two))))
    figures = [line[name] for name in ("paper", "ours", "half_width_95", "seeds", "difference", "mark", "runs")]
    assert figures == ["17.7", "40.25", "1.5", "3", "22.55", "best", "id1 id2"]


def test_what_is_not_fair_is_loud():
    assert "> **NOT FAIR: " in to_markdown.table_markdown(table())
    assert '<div class="bad"><strong>NOT FAIR' in page(table())
    assert "Not fair, see there." in page(table()) and "Not fair, see there." in to_markdown.summary_list((table(),))


def test_a_sentence_counts_the_rankings():
    two = replace(table(), rankings=table().rankings[:2])
    line = "1 of 2 rankings of the paper are confirmed beyond noise, 1 are contradicted, 0 are inconclusive."
    assert line in page(two) and line in to_markdown.table_markdown(two)


def test_the_sentence_says_which_way_the_inconclusive_ones_lean():
    line = (
        "1 of 5 rankings of the paper are confirmed beyond noise, 1 are contradicted, "
        "3 are inconclusive (2 of these lean as in the paper)."
    )
    assert line in page(table()) and line in to_markdown.table_markdown(table())


def test_the_claims_come_before_the_figures():
    """Of a table that has claims; one without has its rankings in that line."""
    claim = Claim("2.x", "difference", (NASTY,), ("b",), ("coco",), ("AP",), 2.0, 1.0, "text")
    state = ClaimState("2.x", "inconclusive", 1, 3, True, 1.5, -0.5, 3.5, settled=10, noise=BOTH)
    open_one = JudgedClaim(claim, "inconclusive", state, (), "", False)
    two = replace(
        table(), claims=(open_one, replace(open_one, verdict="confirmed", state=replace(state, is_open=False)))
    )
    line = "2 claims: 1 confirmed, 1 inconclusive."
    for text in (page(two), to_markdown.table_markdown(two)):
        assert (
            text.index(line) < text.index("40.2\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}1.5")
            and "+1.5, −0.5 to +3.5, 3 seeds; about 10 seeds in all would settle it" in text
            and "by the rule" in text
        )
        assert "rankings of the paper" not in text
    assert NASTY in "".join(parsed(page(two)).text) and line in to_markdown.summary_list((two,))


def test_an_interval_says_which_noise_it_covers_alone():
    one, base = Comparison("a", "b", "main", Difference(1.0, 0.5, 1, "images")), Difference(1.0, None, 1, "")
    assert sentences.paired_difference(one) == "+1.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.5 (images alone)"
    assert sentences.paired_difference(replace(one, difference=base)) == "+1.0" and one.sign == 0
    assert sentences.interval(1.0, 0.5, 1.5, "seeds") == "+1.0, +0.5 to +1.5 (seeds alone)"
    assert sentences.interval(1.0, 0.5, 1.5, BOTH) == "+1.0, +0.5 to +1.5"


def test_a_block_stands_before_the_figures_and_its_texts_are_no_markup():
    two = replace(table(), blocks=(Block(NASTY, ("", NASTY), ((NASTY, "+1.0 ± 0.5"),), NASTY),))
    assert "<script" not in page(two) and "".join(parsed(page(two)).text).count(NASTY) == 3 + 4  # three of the page
    markdown = to_markdown.table_markdown(two)
    for text in (page(two), markdown):
        assert text.index("+1.0 ± 0.5") < text.index("40.2")
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines[:3]] == [3, 3, 3]
    source = to_latex.table_latex(two)
    assert source.count(r"\begin{tabular}") == source.count(r"\end{tabular}") == 2 and r"+1.0 $\pm$ 0.5" in source


def shares() -> Table:
    """Of one method with two parts and one that it cannot give up."""
    item = Attribution("b", "a", ("assignment", NASTY), ("a", "x", "y", "b"), (), ("box loss",), "keeps PointLoss")
    means = [Mean(value, 0.5, 3) for value in (4.0, -1.5, 2.5)]
    parts = (PartShare("assignment", means[0], means[0], means[0]), PartShare(NASTY, means[1], means[0], means[1]))
    of = (Shares(item, means[2], parts, ()),)
    return replace(table(), shares=of, blocks=share_blocks(of), rankings=())


def test_shares_are_the_line_of_their_table_and_the_combinations_are_below_a_fold():
    line = "AP due to the assignment, of the difference from a: b +4.0 of +2.5."
    for text in (page(shares()), to_markdown.table_markdown(shares())):
        assert line in text and text.index(f"−1.5{sentences.PLUS_MINUS}0.5") < text.index(
            f"<summary>{COMBINATIONS} (2)"
        ) < text.index("40.2")
    lines = list(csv.DictReader(io.StringIO(to_csv.shares_csv(shares()))))
    assert [(x["part"], x["share"], x["half_width_95"], x["first"], x["seeds"]) for x in lines] == [
        ("all", "2.5", "0.5", "", "3"), ("assignment", "4.0", "0.5", "4.0", "3"), (NASTY, "-1.5", "0.5", "4.0", "3")
    ]  # fmt: skip


def test_rows_of_unlike_seeds_say_how_many_each_has():
    one = table()
    assert sentences.seeds_line(one) == "3 seeds a figure"
    more = Row("other", "", (PrintedValue(None, Mean(30.0, 1.0, 5)),), ())
    unlike = replace(one, rows=(one.rows[0], more))
    assert sentences.seeds_line(unlike) == "3 or 5 seeds a figure (none 3, other 5)"
