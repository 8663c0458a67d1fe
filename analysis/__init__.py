"""Questions asked of recordings and games: measures, dynamics, figures and studies.

``measures`` and ``populations`` are pure functions on arrays; ``fields``, ``fixed_points`` and
``alignment`` ask differentiable games; ``series`` reads several runs and gives intervals over
seeds; ``figures`` holds the one house style.  ``study`` and ``report`` are the frames of the
studies: the modules with a ``main``, run with ``python -m commonweal.analysis.NAME``.  What is left
are parts of one study: ``contributions`` of ``public_goods``; ``courses``, ``landscapes`` and
``gradient_claims``, ``gradient_tables``, ``gradient_figures`` of ``gradient_fields``; ``gift_theory``,
``gift_tabular`` and ``gift_theory_figures`` of ``social_relationship_theory``; ``gift_networks``,
``gift_figures`` and ``arrows`` of ``gift_flows``; ``tournaments`` and ``dyad_figures`` of ``dyads``;
``federation_theory``, ``quadratic_federations``, ``convergence_courses`` and ``convergence_figures`` of
``convergence``; ``riders`` and ``exploitation_figures`` of ``exploitation``.  ``sketches`` and
``federation_figures`` draw worlds with places and federations.
"""
