#!/usr/bin/env bash
# Makes TABLE.md: the table of the who-is run for three seeds, each from the base model on.
#
# Usage, from the repository's root: examples/who-is/seeds.sh [LLMP]
set -euo pipefail
cd "$(dirname "$0")/../.."
llmp=${1:-target/release/llmp}
{
  echo "# What post-training did, for three seeds"
  echo
  echo "Made by \`examples/who-is/seeds.sh\`. *Seen* places are in the pages and in no conversation or probe; *unseen* ones"
  echo "are in no page and can be found through search only. *New* wordings occur in no training stage."
  for seed in 1 2 3; do
    printf '\n## Seed %s\n\n```\n' "$seed"
    "$llmp" run examples/who-is/who-is.llmp --set "seed=$seed" --quiet | sed -n '/^model /,/^$/p'
    printf '```\n'
  done
} > examples/who-is/TABLE.md
