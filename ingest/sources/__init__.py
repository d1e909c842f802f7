"""Layouts of source trees, which parse paths into views or kinds of other files.

Each layout is a frozen dataclass of options and pure functions of paths.
"""
