"""The soak: thousands of projects through hundreds of faults, counted and judged on the server side.

    python -m tests.soak --projects 2000 --faults 200 --seed 4

The sandbox, the faults and the judge are in this process; each package works in a process of its own, so that its
memory, threads and files can be measured apart from the server's.
"""
