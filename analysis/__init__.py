"""Questions asked of recordings: measures, population dynamics, figures and studies.

``measures`` and ``populations`` are pure functions on arrays, ``series`` reads several
runs and gives intervals over seeds, ``figures`` holds the one house style.  Every other
module, except their common frame ``study``, is a study of its own, run with
``python -m commonweal.analysis.NAME``.
"""
