# Contexts made and destroyed over and over, in every state and with all sorts of things left open.
. hidden/lib.sh
use_sanitizer address
library -O1 $san
link_test leaks $san
run_test leaks <<'X'
rounds 120
balance 0 1
descriptors 0
foreign 0
errors 30
through 2 0
file 0 0
X
