"""The tables of test_refusals.py: who is asked, what is done to the request, and what must not follow."""
