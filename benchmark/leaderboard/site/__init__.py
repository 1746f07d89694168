"""Static web pages of the results that `rank` reads; they open from disk and make no network requests.

    write_suite_pages(ranked, workspace, among=all_ranked)      # results/SUITE/index.html and a page per predictor
    write_index(all_ranked, workspace)                          # results/index.html, over all suites

Text from scorecards is escaped: by jinja2 in the templates, and by `plots` in the plots. Equal scorecards give equal bytes.
"""

from benchmark.leaderboard.site.front_page import write_index
from benchmark.leaderboard.site.suite_page import write_suite_pages

__all__ = ["write_index", "write_suite_pages"]
