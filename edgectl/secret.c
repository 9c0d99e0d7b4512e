/*
 * Where a password comes from. Whoever holds it afterwards wipes it.
 */
#include "edgectl/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"

/* Without its line end; a line that does not fit is an error. */
static int read_line(FILE *from, char out[static SECRET_LEN])
{
	size_t n;

	if (fgets(out, SECRET_LEN, from) == NULL)
		return EDGE_EMALFORMED;
	n = strcspn(out, "\r\n");
	if (out[n] == '\0' && n == SECRET_LEN - 1)
		return EDGE_ETOOBIG;
	out[n] = '\0';
	return n > 0 ? 0 : EDGE_EMALFORMED;
}

int secret_read(char out[static SECRET_LEN], const char *path,
	struct why *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *from = is_stdin ? stdin : fopen(path, "re");
	int err = from == NULL ? -errno : read_line(from, out);

	if (from != NULL && !is_stdin)
		fclose(from);
	if (err == EDGE_EMALFORMED)
		return why_set(why, err, "password file %s: its first line "
			"is empty; the password belongs there", path);
	if (err == EDGE_ETOOBIG)
		return why_set(why, err, "password file %s: longer than %d "
			"characters", path, SECRET_LEN - 2);
	if (err != 0)
		return why_set(why, err, "password file %s: %s", path,
			err_text(err));
	return 0;
}

/* On the terminal itself, whatever stdin and stdout are. */
static int ask(char out[static SECRET_LEN], const char *prompt,
	struct why *why)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct termios was, quiet;
	int err;

	if (tty == NULL || tcgetattr(fileno(tty), &was) != 0) {
		if (tty != NULL)
			fclose(tty);
		return why_set(why, -ENOTTY, "there is no terminal to ask "
			"for the password; use a file");
	}
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	fprintf(tty, "%s: ", prompt);
	fflush(tty);
	err = read_line(tty, out);
	tcsetattr(fileno(tty), TCSAFLUSH, &was);
	fputc('\n', tty);
	fclose(tty);
	return err == 0 ? 0 : why_set(why, err, "no password was given");
}

int secret_take(char out[static SECRET_LEN], bool *has_any,
	const struct cmd_call *call, const struct secret_from *from,
	struct why *why)
{
	const char *path = cmd_get(call, from->file);
	const char *text = getenv(from->environ);

	*has_any = true;
	if (path != NULL)
		return secret_read(out, path, why);
	if (from->ask != NULL && cmd_has(call, from->ask))
		return ask(out, from->prompt, why);
	if (text == NULL || text[0] == '\0') {
		*has_any = false;
		return 0;
	}
	if (strlen(text) >= SECRET_LEN)
		return why_set(why, EDGE_ETOOBIG, "%s is longer than %d "
			"characters", from->environ, SECRET_LEN - 1);
	memcpy(out, text, strlen(text) + 1);
	unsetenv(from->environ); /* programs we start need not know it */
	return 0;
}
