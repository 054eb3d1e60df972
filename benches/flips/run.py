"""Runs the flip benchmark: there is no peer to compare with, the program counts and prints by itself.

Options that are not known here go to the program: --all-bits, --step N, --write-step N.
"""

import argparse
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--bench", required=True, help="the example `flips` of vizsla-retrieval")
parser.add_argument("--json", required=True)
known, others = parser.parse_known_args()
sys.exit(subprocess.run([known.bench, "--json", known.json, *others]).returncode)
