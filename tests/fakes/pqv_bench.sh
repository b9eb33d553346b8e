#!/bin/sh
# Speaks as the benchmark program does; tests put commands of their own before the iterations.
state=${0%/data/local/tmp/*}/state
echo "$@" >> "$state/arguments"
echo "libraries $LD_LIBRARY_PATH" >> "$state/arguments"
out=; n=12; t=1
while [ $# -gt 0 ]; do
  case $1 in --output) out=$2;; --min-iters) n=$2;; --threads) t=$2;; esac
  shift
done
echo '{"type":"context","torch":"1.12.2","abi":"x86_64","engine":"qnnpack","processors":[4,5]}'
echo '{"type":"load","ns":5000000}'
echo '{"type":"memory","phase":"loaded","peak_rss_bytes":7000000}'
echo '{"type":"warmup","iterations":1,"threads":'$t'}'
if [ -n "$out" ]; then
  printf '\000\000\200\077\000\000\000\100\000\000\100\100' > "$out" # 1, 2, 3
  echo '{"type":"outputs","count":1,"shape":[1,3]}'
fi
i=0
BODY
while [ $i -lt $n ]; do
  echo '{"type":"iteration","index":'$i',"ns":'$((1000000 + i))',"threads":'$t'}'
  i=$((i + 1))
done
echo '{"type":"memory","phase":"end","peak_rss_bytes":9000000}'
gelu='{"name":"aten::gelu","calls":2,"self_ns":10,"total_ns":10}'
linear='{"name":"aten::linear","calls":4,"self_ns":100,"total_ns":100}'
echo '{"type":"operators","threads":1,"iterations":2,"wall_ns":150,"operators":['$gelu,$linear']}'
echo '{"type":"final","status":"ok","exit_code":0}'
