"""The page of a watch."""

from __future__ import annotations

from cl2d.outputs.watch_page import RunLine, WatchPage, watch_page, write_watch_page


def page(**changes):
    facts = {
        "watched": "in",
        "n_images": 1234,
        "run": "runs/0002",
        "members": (700, 300),
        "assigned": (200, 34),
        "n_usable": 234,
        "n_poor": 18,
        "runs": (RunLine(2, 1000, "the first", "complete"),),
        "left": (),
    }
    return WatchPage(**{**facts, **changes})


def test_it_tells_how_many_came_to_each_class():
    text = watch_page(page(), has_report=True)
    assert "1,234 particles of in" in text
    assert "<td>1</td><td>700</td><td>200</td><td>900</td>" in text
    assert "<td>2</td><td>300</td><td>34</td><td>334</td>" in text
    assert "7.7 % of which they explain poorly" in text
    assert 'href="runs/0002/report.html"' in text


def test_without_a_report_it_links_to_none():
    assert "report.html" not in watch_page(page(), has_report=False)


def test_before_the_first_clustering_there_are_no_classes():
    text = watch_page(page(run=None, members=(), assigned=(), runs=()), has_report=False)
    assert "not clustered yet" in text
    assert "<table>" not in text


def test_no_name_is_markup_and_nothing_is_fetched_from_elsewhere():
    evil = "<img src=x onerror=alert(1)>"
    text = watch_page(page(watched=evil, left=(evil,)), has_report=True)
    assert evil not in text
    assert text.count("&lt;img src=x") == 2
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert "http:" not in text.replace("http-equiv", "")


def test_names_that_are_no_text_can_be_written(tmp_path):
    write_watch_page(tmp_path, page(watched="name\udce9"))
    assert "name" in (tmp_path / "index.html").read_text(encoding="utf-8")
