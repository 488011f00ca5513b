// The core without ports of the kernel: extract, rewrite, flow cache, pipeline, and a fuzz of all together.
#include "check.h"

TEST_MAIN()
