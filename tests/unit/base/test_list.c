/* Tests of common/base/list.h. */
#include <check.h>

#include "common/base/list.h"

struct item {
	int value;
	struct list node;
};

static int value_of(const struct list *node)
{
	return container_of(node, const struct item, node)->value;
}

START_TEST(test_list_keeps_order)
{
	struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
	struct list head, *it;
	int want = 1;

	list_init(&head);
	ck_assert(list_is_empty(&head));
	ck_assert_ptr_null(list_first(&head));
	list_push_back(&head, &items[1].node);
	list_push_back(&head, &items[2].node);
	list_push_front(&head, &items[0].node);
	list_for_each(it, &head)
		ck_assert_int_eq(value_of(it), want++);
	ck_assert_int_eq(want, 4);
	ck_assert_ptr_eq(list_first(&head), &items[0].node);
}
END_TEST

START_TEST(test_list_remove_is_safe_twice)
{
	struct item items[2] = {{.value = 1}, {.value = 2}};
	struct list head;

	list_init(&head);
	list_push_back(&head, &items[0].node);
	list_push_back(&head, &items[1].node);
	list_remove(&items[0].node);
	list_remove(&items[0].node);
	ck_assert_ptr_eq(list_first(&head), &items[1].node);
	list_remove(&items[1].node);
	ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(test_list_safe_walk_may_remove)
{
	struct item items[4] = {{0}};
	struct list head, *it, *tmp;
	int count = 0;

	list_init(&head);
	for (int i = 0; i < 4; i++)
		list_push_back(&head, &items[i].node);
	list_for_each_safe(it, tmp, &head) {
		list_remove(it);
		count++;
	}
	ck_assert_int_eq(count, 4);
	ck_assert(list_is_empty(&head));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/list");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_list_keeps_order);
	tcase_add_test(tc, test_list_remove_is_safe_twice);
	tcase_add_test(tc, test_list_safe_walk_may_remove);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
