# What the root frames of any thread hold survives every collection: under the address sanitizer.
. hidden/lib.sh
[ -f src/world.h ] || fail "src/world.h is not there"
use_sanitizer address
library -O1 $san
link_test roots $san
run_test roots <hidden/roots_expected.txt
