#!/usr/bin/env bash
# csvkit: `csvsort` and `csvjoin` change cells of columns that nobody named: 5% becomes 5, 007 becomes 7, NA becomes empty, 1_000 becomes 1000.
#
# csvkit 2.2.0 with agate 1.14.2, Python 3.11. A good guess: they order and join lines, and write the cells as they were, as csvcut, csvgrep and csvstack do, or
# tell that a value was changed. They read every column into a type first: signs of currencies, per cent and thousands are dropped, NA, none and "." are
# nothing, y and n are booleans, 01/02/2026 is 2 January, 1:30 is a minute and a half; and write the types as text. Exit code 0, nothing on stderr.
# csvjoin joins by such values too, so 007 finds the row of 7.
# For loads: a file that was sorted before COPY has other values, amounts without their currency, no Namibia. Use `--no-inference --blanks`.
#
# Output seen, for one row code 007, share 5%, price "$1,000.50", country NA, day 01/02/2026, open y, at 1:30, size 1_000:
#   csvsort -c id                          7|5|1000.50||2026-01-02|True|0:01:30|1000
#   csvjoin -c id                          7|5|1000.50||2026-01-02|True|0:01:30|1000
#   csvsort --no-inference -c id           007|5%|$1,000.50||01/02/2026|y|1:30|1_000
#   csvsort --no-inference --blanks -c id  007|5%|$1,000.50|NA|01/02/2026|y|1:30|1_000
#   csvcut, csvgrep, csvstack              007|5%|$1,000.50|NA|01/02/2026|y|1:30|1_000
#   csvjoin of code 007 with code 7        1 row
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'csvkit==2.2.0' 'agate==1.14.2'
cd "$folder"
export PATH=$folder/venv/bin:$PATH PYTHONWARNINGS=ignore
cat >t.csv <<'CSV'
id,code,share,price,country,day,open,at,size
1,007,5%,"$1,000.50",NA,01/02/2026,y,1:30,1_000
CSV
printf 'id,kind\n1,x\n' >kinds.csv
printf 'code,kind\n7,x\n' >codes.csv

cells() { # the columns code to size of the one row of stdin, by Python's csv
    python -c 'import csv, sys; print("|".join(list(csv.reader(sys.stdin))[1][1:9]))'
}
sorted=$(csvsort -c id t.csv 2>errors | cells)
joined=$(csvjoin -c id t.csv kinds.csv 2>>errors | cells)
texts=$(csvsort --no-inference -c id t.csv 2>>errors | cells)
blanks=$(csvsort --no-inference --blanks -c id t.csv 2>>errors | cells)
cut=$(csvcut -c id,code,share,price,country,day,open,at,size t.csv | cells)
grepped=$(csvgrep -c id -m 1 t.csv | cells)
stacked=$(csvstack t.csv t.csv | cells)
rows=$(csvjoin -c code t.csv codes.csv 2>>errors | tail -n +2 | wc -l)
printf '%-37s  %s\n' "csvsort -c id" "$sorted" "csvjoin -c id" "$joined" "csvsort --no-inference -c id" "$texts" \
    "csvsort --no-inference --blanks -c id" "$blanks" "csvcut, csvgrep, csvstack" "$cut" "csvjoin of code 007 with code 7" "$rows row"
cat errors
changed='7|5|1000.50||2026-01-02|True|0:01:30|1000' kept='007|5%|$1,000.50|NA|01/02/2026|y|1:30|1_000'
[ ! -s errors ]
[ "$sorted" = "$changed" ]
[ "$joined" = "$changed" ]
[ "$texts" = "${kept/NA/}" ]
[ "$blanks $cut $grepped $stacked" = "$kept $kept $kept $kept" ]
[ "$rows" = 1 ]
