/* What the tests of the [MS-TURN] dialect share. */
#ifndef TESTS_STUN_MS_H
#define TESTS_STUN_MS_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/stun/stun_ms.h"

static const uint8_t tid[STUN_TID_LEN] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
};
static uint8_t bytes[UINT16_MAX + 8];
static uint8_t rebuilt[UINT16_MAX + 8];

static inline size_t load_into(uint8_t *room, size_t cap, const char *hex)
{
	size_t len = 0;

	ck_assert_int_eq(str_unhex(str_of(hex), room, cap, &len), 0);
	return len;
}

static inline size_t load(const char *hex)
{
	return load_into(bytes, sizeof(bytes), hex);
}

static inline struct stun_msg parse(size_t len)
{
	struct stun_msg m;

	ck_assert_int_eq(stun_ms_parse(&m, bytes, len), 0);
	return m;
}

static inline struct stun_ms_key key_of(const char *hex)
{
	struct stun_ms_key key = {.len = 0};

	key.len = load_into(key.bytes, sizeof(key.bytes), hex);
	return key;
}

static inline void assert_addr(const struct stun_msg *m, enum stun_attr attr,
	const char *want)
{
	char text[ADDR_TEXT_LEN];
	struct addr a;

	ck_assert_int_eq(stun_addr(m, attr, &a), 0);
	ck_assert_str_eq(addr_text(&a, text), want);
}

static inline struct stun_writer begin(enum stun_ms_type type)
{
	struct stun_writer w;

	stun_ms_write_begin(&w, bytes, sizeof(bytes), type, tid);
	return w;
}

static inline size_t end(struct stun_writer *w)
{
	int len = stun_write_end(w);

	ck_assert_int_gt(len, 0);
	return (size_t)len;
}

static inline int ms_suite_run(const char *name, const TTest *const *tests,
	size_t count)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create("all");
	SRunner *r;
	size_t i;
	int failures;

	for (i = 0; i < count; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}

#endif
