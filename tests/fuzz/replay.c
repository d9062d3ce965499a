/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs every file of the folder named on the command line through the fuzz target it is linked
 * with. */

#include "fuzz-target.h"

#include <dirent.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

static size_t read_file(const char *path, uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t n;

	PROMISE(file);
	n = fread(data, 1, size, file);
	fclose(file);
	return n;
}

int main(int argc, char **argv)
{
	uint8_t *data = malloc(INPUT_MAX), *exact;
	unsigned inputs = 0;
	struct dirent *entry;
	char path[4096];
	size_t size;
	DIR *dir;

	PROMISE(data && argc == 2 && (dir = opendir(argv[1])));
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		size = read_file(path, data, INPUT_MAX);
		/* As libFuzzer does, so that ASan sees a read behind the input. */
		exact = malloc(size + !size);
		PROMISE(exact);
		memcpy(exact, data, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
		inputs++;
	}
	closedir(dir);
	free(data);
	printf("%u inputs\n", inputs);
	return inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
