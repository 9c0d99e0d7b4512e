/*
 * edgectl: what a person does with the suite. Nothing but the call: the
 * commands are rows of cmd_table.c, parsing is in cmd_parse.c.
 */
#include "edgectl/cmd.h"

int main(int argc, char **argv)
{
	return cmd_main(argc, argv);
}
