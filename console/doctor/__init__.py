"""`call-console doctor`: looks at every part of a set-up and says how to mend what is wrong.

A check is one function in a module of `subjects`, marked with `checking.check`.
"""
