"""One function per human verb; pages, API and command line all call these and nothing else."""
