"""The kinds of analyses of a study: each takes a recording and gives one dataset."""
