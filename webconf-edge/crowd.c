/* From which crowd on somebody goes, and after how long. */
#include "webconf-edge/crowd.h"

#define CROWD_MS 1000 /* three quarters are taken */
#define CRUSH_MS 250  /* nearly all are */

int64_t crowd_time_ms(size_t taken, size_t most)
{
	if (taken < most / 4 * 3)
		return -1;
	return taken >= most / 16 * 15 ? CRUSH_MS : CROWD_MS;
}
