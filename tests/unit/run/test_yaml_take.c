/* Tests of common/run/yaml_take.c: a table of fields, and their values. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/run/yaml_take.h"
#include "tests/unit/check_main.h"

struct sample {
	char name[DNS_NAME_LEN];
	uint32_t number;
	char *text;
	char *chain;
	char *key;
};

static const struct yaml_field FIELDS[] = {
	{"name", true, NULL, "whose it is"},
	{"number", false, "7", "how many"},
	{"text", false, NULL, "what it says"},
	{"certificate", false, NULL, "who we are"},
};

static const struct yaml_field *field_at(size_t i)
{
	return &FIELDS[i];
}

static int read_field(void *arg, size_t i, const struct yaml_node *n,
	struct why *why)
{
	struct sample *s = arg;

	switch (i) {
	case 0:
		return yaml_take_name(s->name, n, why);
	case 1:
		return yaml_take_number(&s->number, 2, 9, n, why);
	case 2:
		return yaml_take_text(&s->text, n, why);
	default:
		return yaml_take_certificate(&s->chain, &s->key, n, why);
	}
}

static int read_of(const char *text, struct sample *out, struct why *why)
{
	static const struct yaml_fields fields = {
		.count = ARRAY_COUNT(FIELDS),
		.at = field_at,
		.read = read_field,
	};
	struct yaml_doc *doc = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	ck_assert_int_eq(yaml_parse(&doc, "f.yaml", str_of(text), why), 0);
	err = yaml_take_fields(&fields, out, yaml_root(doc), why);
	yaml_free(doc);
	return err;
}

static void sample_fini(struct sample *s)
{
	free(s->text);
	free(s->chain);
	free(s->key);
}

START_TEST(test_all_fields_are_read)
{
	struct why why = {""};
	struct sample s;

	ck_assert_int_eq(read_of("text: said\nnumber: 9\nname: A.Test\n"
		"certificate: {chain: /c, key: /k}\n", &s, &why), 0);
	ck_assert_str_eq(s.name, "a.test");
	ck_assert_uint_eq(s.number, 9);
	ck_assert_str_eq(s.text, "said");
	ck_assert_str_eq(s.chain, "/c");
	ck_assert_str_eq(s.key, "/k");
	sample_fini(&s);
	ck_assert_int_eq(read_of("name: a.test\n", &s, &why), 0);
	ck_assert_ptr_null(s.text);
}
END_TEST

START_TEST(test_faults_name_line_and_cause)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
		{"- name\n", "a map is wanted"},
		{"number: 3\n", "'name' is missing: whose it is"},
		{"name: a.test\ntxet: x\n", "f.yaml:2:1"},
		{"name: a b\n", "'a b' is not a host name"},
		{"name: [a]\n", "is not a host name"},
		{"name: a.test\nnumber: 1\n", "f.yaml:2:9"},
		{"name: a.test\nnumber: 10\n", "from 2 to 9"},
		{"name: a.test\nnumber: few\n", "from 2 to 9"},
		{"name: a.test\ntext: \"\"\n", "a text is wanted"},
		{"name: a.test\ntext: {a: b}\n", "a text is wanted"},
		{"name: a.test\ncertificate: /c\n", "{chain: FILE, key"},
		{"name: a.test\ncertificate: {chain: /c}\n", "{chain: FILE"},
		{"name: a.test\ncertificate: {chain: /c, key: /k, ca: /a}\n",
			"'ca'"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct why why = {""};
		struct sample s;

		ck_assert_int_eq(read_of(rows[i].text, &s, &why),
			EDGE_ECONFIG);
		ck_assert_msg(strstr(why.text, rows[i].says) != NULL,
			"row %zu: %s", i, why.text);
		sample_fini(&s);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("run/yaml_take", test_all_fields_are_read,
		test_faults_name_line_and_cause);
}
