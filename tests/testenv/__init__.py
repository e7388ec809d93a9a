"""One module per real server, and the stack of all of them. Tests get them through conftest.py."""
