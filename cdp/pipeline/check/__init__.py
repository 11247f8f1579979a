"""`cdp check`: a walk of its own over log and graph, which names every invariant that is broken.

What the worker keeps up to date step by step is derived here the other way round, from the stored
events and at once: sessions by splitting each device's events whole, profiles by folding their
sessions, who is who by resolving all evidence, memberships by evaluating every rule. What the events
say is gathered in a file of its own meanwhile, so that the memory needed does not grow with them.
"""
