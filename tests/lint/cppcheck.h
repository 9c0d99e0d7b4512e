/* What cppcheck can't see, as it reads no system headers. */
#ifndef TESTS_LINT_CPPCHECK_H
#define TESTS_LINT_CPPCHECK_H

#define EDGE_VERSION "0"
#define json_array_foreach(a, i, v) \
	for ((i) = 0; ((v) = json_array_get((a), (i))) != NULL; (i)++)
#define json_object_foreach(o, k, v) \
	while (((k) = next_key(o)) && ((v) = json_object_get((o), (k))))
#define json_object_foreach_safe(o, n, k, v) json_object_foreach(o, k, v)

#endif
