"""Boards, tables, figures, comparisons and web pages made from scorecards; photographs and networks are not needed."""
