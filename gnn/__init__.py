"""What a person may like: recommenders trained on the user-item graph, served by NumPy alone.

The way of a model: `dataset` (rows of the graph, as arrays) → `models` (each fits item lists) →
`train` and `evaluate` (a temporal split, baselines beside it) → `artifacts` (a version on disk) →
`recommend` (an answer with reasons). Nothing here imports torch or SciPy before a model is trained.
"""
