# The options do what they say, each for its own context.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test options $san
run_test options <<'X'
limit !heap exhausted
again @B@
caught "heap exhausted"
bounded 1
too-small 1
output one:@A@ "q" two:@B@
stress 1
threshold 1
log 3 0
defaults 1
X
