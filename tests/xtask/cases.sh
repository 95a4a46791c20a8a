# What is right for each case; bash with `set -euo pipefail`, in a copy of the case's folder.

# The documents of a binding, a line each: URL or id, `|`, the text with its line feeds as `\n`. Needs pyarrow (PYTHON).
docs() {
  "${PYTHON:-python3}" - "$1" <<'PY'
import glob, sys, pyarrow.parquet as pq
for file in sorted(glob.glob(f".llmp/out/*/{sys.argv[1]}/*.parquet")):
    for row in pq.read_table(file).to_pylist():
        print(row["url"] or row["id"], "|", repr(row["text"]))
PY
}
urls() { docs "$1" | cut -d' ' -f1; }
# Both streams of a command that must succeed.
run() { llmp run "$@" 2>&1; }
# Both streams of a command that must fail, but not by a panic.
fails() {
  local code=0
  "$@" >fails.txt 2>&1 || code=$?
  cat fails.txt
  [ "$code" = 1 ] || { echo "it ended with $code" >&2; return 1; }
}
has() { grep -qF -- "$1" || { echo "\`$1\` is missing" >&2; return 1; }; }
lacks() { if grep -E -- "$1"; then echo "\`$1\` is there" >&2; return 1; fi; }
same() { [ "$1" = "$2" ] || { printf 'found\n%s\nnot\n%s\n' "$1" "$2" >&2; return 1; }; }

#--- 01
run main.llmp
printf 'base = model.load("%s/m")\n' "$PWD" > absolute.llmp
run absolute.llmp

#--- 02
run snappy.llmp | has "2 documents"
run gzip.llmp | has "2 documents"

#--- 03
for name in int-id dictionary timestamp all-null uint32; do run $name.llmp | has "2 documents"; done

#--- 05
sh make.sh
run some.llmp | has "2 documents"
run all.llmp | has "1 documents"
# The same files as those of `some`, and so nothing to do.
run pattern.llmp | has "up to date"

#--- 06
run main.llmp
same "$(docs docs | grep -o 'MARK[0-9]*' | sort -u | wc -l)" 25

#--- 07
run main.llmp
docs docs > texts
cut -d'|' -f2- texts | lacks '<[a-z/]|&lt;'
has "A short page about the light." < texts
has "Light" < texts
same "$(grep -c 'The harbour light at the end of the pier' texts)" 2

#--- 08
run main.llmp
same "$(docs docs | grep -o '\\n' | wc -l)" 5

#--- 09
run qwen.llmp
run think.llmp

#--- 10
run two-digits.llmp
run plain.llmp

#--- 11
run main.llmp
docs docs > texts
same "$(wc -l < texts)" 7
lacks '93\.184' < texts

#--- 12
run main.llmp
docs docs > texts
same "$(wc -l < texts)" 10
lacks '596.{1,2}1111|7946|68.53|415/555|664.766' < texts

#--- 13
run main.llmp
same "$(urls docs)" "https://other.example/4"
rm -r .llmp
run file.llmp
same "$(urls docs)" "https://other.example/4"

#--- 14
run main.llmp
same "$(urls docs)" "https://other.example/4"

#--- 15
run main.llmp
same "$(urls docs)" ""

#--- 17
run main.llmp
same "$(urls docs | wc -l)" 7

#--- 18
run main.llmp
same "$(docs docs | grep -c 'Zażółć gęślą jaźń')" 4

#--- 20
run main.llmp
same "$(urls docs | wc -l)" 2

#--- 21
(llmp run main.llmp || true) 2>&1 | grep -qE 'WET|conversion'

#--- 22
run main.llmp
same "$(urls docs)" "file:///data/real.html"
mv data/note.txt data/note.html
mv data/real.html data/page.html
run main.llmp
same "$(urls docs | sort)" "$(printf 'file:///data/note.html\nfile:///data/page.html')"

#--- 23
run main.llmp
llmp plan main.llmp
run main.llmp | has "nothing to do"

#--- 24
"${PYTHON:-python3}" make.py
run main.llmp | has "1 documents"
llmp plan main.llmp
for command in run plan; do
  code=0
  llmp $command $'sub\xe9/main.llmp' || code=$?
  [ "$code" -le 2 ]
done

#--- 25
for shell in bash zsh fish; do
  code=0
  llmp completions $shell 2> error | true || code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || [ "$code" = 141 ]
  lacks panicked < error
done
llmp completions zsh > /dev/full 2> error && exit 1 || [ $? = 1 ]
grep -qi 'no space left\|disk is full' error

#--- 27
for name in minimind nanochat parts null packed; do
  run $name.llmp | has "1 conversations"
  cat .llmp/out/$name-*/people/conversations.jsonl
done | grep '^{' | sort -u > talks
same "$(wc -l < talks)" 1

#--- 28
code=0
llmp run main.llmp > said 2>&1 || code=$?
if [ "$code" = 0 ]; then
  grep -qE '"(weight|train)": ?(0|false)' .llmp/out/*/people/conversations.jsonl
else
  has '`weight`' < said
fi

#--- 29
printf 'base = model.load("%s/m")\n' "$PWD" > main.llmp
run main.llmp
llmp sample "the harbour light at the end" --probs 3 | sed -n 2p | grep -q '36\.1%.*21\.2%.*7\.2%'

#--- 30
printf 'base = model.load("%s/m")\n' "$PWD" > main.llmp
run main.llmp
llmp sample "the harbour light at the end" --probs 3 | sed -n 2p | grep -q '3\.4%.*2\.0%.*1\.8%'

#--- 31
printf 'base = model.load("%s/m")\n' "$PWD" > main.llmp
fails llmp run main.llmp | grep -q '280'

#--- 32
fails llmp check main.llmp | has "main.llmp:"

#--- 33
"${PYTHON:-python3}" make.py
mkdir -p full
mount -t tmpfs -o size=2m tmpfs full
trap "cd /; umount $PWD/full" EXIT
cp main.llmp full/
sed -i s,big,../big, full/main.llmp
cd full
fails llmp run main.llmp > ../said
grep -qi 'no space left\|disk is full' ../said
lacks 'damaged' < ../said

#--- 34
run main.llmp | grep -qE '3 documents|2 documents .*1 '
